#include "worker/execute/batch_former.h"

#include <algorithm>
#include <utility>

namespace millrace::execute {
namespace {

// A few dozen models, shapes and length buckets are in use at a time.
constexpr std::size_t kRulesMax = 256;

schedule::BatchLimits limits_of(const schedule::BatchOptions& options,
                                const backends::BackendInfo& info) {
    const auto size = options.size == 0 ? info.batch_max : std::min(options.size, info.batch_max);
    return {.jobs_max = size, .weight_max = info.batch_weight_max, .bytes_max = options.bytes_max};
}

std::size_t parts(std::size_t amount, std::size_t max) {
    return max == 0 ? 1 : (amount + max - 1) / max;
}

}  // namespace

BatchFormer::BatchFormer(const schedule::BatchOptions& options, const backends::BackendInfo& info)
    : options_(options), limits_(limits_of(options, info)), slots_(info.slots) {}

void BatchFormer::add(Arrival arrival, MonoTime now) {
    const bool runs_alone = arrival.execution.job.losses > 0;
    if (!runs_alone) rule(arrival.key).arrived(arrival.arrived);
    auto& group = group_for(arrival.key, runs_alone);
    const auto bytes = arrival.execution.job.spec.input_json.size();
    group.weight += arrival.weight;
    group.bytes += bytes;
    group.items.push_back({.execution = std::move(arrival.execution),
                           .weight = arrival.weight,
                           .bytes = bytes,
                           .since = now,
                           .number = ++numbers_});
}

bool BatchFormer::remove(const AttemptKey& key) {
    for (auto group = groups_.begin(); group != groups_.end(); ++group) {
        const auto item = std::ranges::find_if(
            group->items, [&](const Item& one) { return one.execution.job.key == key; });
        if (item == group->items.end()) continue;
        group->weight -= item->weight;
        group->bytes -= item->bytes;
        group->items.erase(item);
        if (group->items.empty()) groups_.erase(group);
        return true;
    }
    return false;
}

BatchFormer::Batches BatchFormer::batches(MonoTime now) const {
    Batches batches;
    for (const auto& group : groups_) {
        const auto count = std::max({parts(group.items.size(), limits_.jobs_max),
                                     parts(group.weight, limits_.weight_max),
                                     parts(group.bytes, limits_.bytes_max)});
        batches.all += count;
        if (start_at(group) <= now) batches.due += count;
    }
    return batches;
}

std::vector<schedule::OpenBatch> BatchFormer::open(MonoTime now) const {
    std::vector<schedule::OpenBatch> open;
    for (const auto& group : groups_) {
        if (group.runs_alone || is_full(group)) continue;
        open.push_back({.key = group.key,
                        .room = limits_.jobs_max - group.items.size(),
                        .is_waiting = start_at(group) > now});
    }
    return open;
}

std::optional<BatchFormer::Batch> BatchFormer::take(MonoTime now) {
    std::optional<std::size_t> oldest;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        if (oldest && groups_[*oldest].items.front().number < groups_[i].items.front().number) {
            continue;
        }
        if (start_at(groups_[i]) <= now) oldest = i;
    }
    if (!oldest) return std::nullopt;
    return take_from(*oldest);
}

MonoTime BatchFormer::next_start() const {
    auto next = MonoTime::max();
    for (const auto& group : groups_) next = std::min(next, start_at(group));
    return next;
}

std::optional<std::chrono::nanoseconds> BatchFormer::expected(const std::string& key,
                                                              std::size_t jobs,
                                                              milliseconds within) const {
    const auto* rule = find_rule(key);
    if (rule == nullptr || !rule->cost().known()) return std::nullopt;
    if (rule->cost().deviation() > static_cast<double>(within.count())) return std::nullopt;
    return std::chrono::nanoseconds(static_cast<std::int64_t>(rule->cost().ms(jobs) * 1e6));
}

void BatchFormer::ended(const std::string& key, std::size_t jobs,
                        std::optional<std::chrono::nanoseconds> took, MonoTime now) {
    auto& rule = this->rule(key);
    if (took) rule.observe_cost(jobs, *took);
    const auto group = std::ranges::find_if(
        groups_, [&](const Group& one) { return !one.runs_alone && one.key == key; });
    rule.ended(now, group == groups_.end() ? 0 : group->items.size());
}

BatchFormer::Group& BatchFormer::group_for(const std::string& key, bool runs_alone) {
    if (!runs_alone) {
        const auto found = std::ranges::find_if(
            groups_, [&](const Group& one) { return !one.runs_alone && one.key == key; });
        if (found != groups_.end()) return *found;
    }
    return groups_.emplace_back(Group{.key = key, .runs_alone = runs_alone, .items = {}});
}

bool BatchFormer::is_full(const Group& group) const {
    return group.items.size() >= limits_.jobs_max ||
           (limits_.weight_max > 0 && group.weight >= limits_.weight_max) ||
           group.bytes >= limits_.bytes_max;
}

MonoTime BatchFormer::start_at(const Group& group) const {
    schedule::Waiting waiting{.jobs = group.items.size(),
                              .is_full = group.runs_alone || is_full(group),
                              .oldest_since = group.items.front().since};
    const auto* rule = find_rule(group.key);
    if (waiting.is_full || rule == nullptr) return waiting.oldest_since;
    for (const auto& item : group.items) {
        waiting.earliest_deadline = std::min(waiting.earliest_deadline, item.execution.deadline);
    }
    return rule->start_at(waiting);
}

BatchFormer::Batch BatchFormer::take_from(std::size_t index) {
    auto& group = groups_[index];
    Batch batch{.key = group.key, .jobs = {}};
    std::size_t weight = 0;
    std::size_t bytes = 0;
    const auto fits = [&](const Item& item) {
        if (batch.jobs.empty()) return true;  // A job of any weight runs.
        return batch.jobs.size() < limits_.jobs_max &&
               (limits_.weight_max == 0 || weight + item.weight <= limits_.weight_max) &&
               bytes + item.bytes <= limits_.bytes_max;
    };
    while (!group.items.empty() && fits(group.items.front())) {
        auto& item = group.items.front();
        weight += item.weight;
        bytes += item.bytes;
        batch.jobs.push_back(std::move(item.execution));
        group.items.pop_front();
    }
    group.weight -= weight;
    group.bytes -= bytes;
    if (group.items.empty()) groups_.erase(groups_.begin() + static_cast<std::ptrdiff_t>(index));
    return batch;
}

schedule::BatchRule& BatchFormer::rule(const std::string& key) {
    auto found = rules_.find(key);
    if (found == rules_.end()) {
        if (rules_.size() >= kRulesMax) {
            rules_.erase(std::ranges::min_element(
                rules_, {}, [](const auto& entry) { return entry.second.used; }));
        }
        found = rules_.emplace(key, Known{.rule = schedule::BatchRule(options_, limits_, slots_)})
                    .first;
    }
    found->second.used = ++numbers_;
    return found->second.rule;
}

const schedule::BatchRule* BatchFormer::find_rule(const std::string& key) const {
    const auto found = rules_.find(key);
    return found == rules_.end() ? nullptr : &found->second.rule;
}

}  // namespace millrace::execute

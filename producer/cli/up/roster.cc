#include "producer/cli/up/roster.h"

#include <fmt/format.h>

#include "producer/cli/json_text.h"
#include "producer/cli/show.h"

namespace millrace::cli::up {
namespace {

constexpr milliseconds kTimeout{2000};
constexpr milliseconds kInterval{100};
constexpr int kRestFactor = 4;  // After a failure it rests for this many times as long as it took.

std::vector<std::string> models_in(const Json& worker) {
    std::vector<std::string> models;
    for (const auto& model : member_of(worker, "models")) {
        if (model.is_string()) models.push_back(model.get<std::string>());
    }
    return models;
}

}  // namespace

// Returns the elements of a list.
std::optional<Json> Roster::get(const std::string& path) {
    const auto asked = clock_.now();
    if (asked < rests_until_) return std::nullopt;
    const auto answer = client_.send({.url = url_ + path, .timeout = kTimeout});
    const auto now = clock_.now();
    const auto json =
        answer.has_value() && answer->status == 200 ? parse_json(answer->body) : Json();
    const auto& data = member_of(json, "data");
    if (data.is_array()) return std::optional<Json>(std::in_place, data);
    rests_until_ = now + kRestFactor * (now - asked);
    return std::nullopt;
}

void Roster::read_workers() {
    if (!url_.empty() && clock_.now() >= next_) read_now();
}

bool Roster::read_now() {
    const auto workers = get("/v1/workers");
    next_ = clock_.now() + kInterval;
    if (!workers) return false;
    at_work_.clear();
    for (const auto& worker : *workers) {  // Newest first, so emplace() keeps the newest.
        const auto state = text_of(worker, "state");
        if (state != "alive" && state != "draining") continue;
        const milliseconds age(number_of(worker, "heartbeat_age_ms"));
        at_work_.emplace(static_cast<pid_t>(number_of(worker, "pid")),
                         Entry{.models = models_in(worker),
                               .heard_at = clock_.now() - age,
                               .is_draining = state == "draining"});
    }
    return true;
}

const Roster::Entry* Roster::find(pid_t pid, MonoTime since) const {
    const auto found = at_work_.find(pid);
    const bool is_it = found != at_work_.end() && found->second.heard_at >= since;
    return is_it ? &found->second : nullptr;
}

const std::vector<std::string>* Roster::models_of(pid_t pid, MonoTime since) {
    read_workers();
    const auto* entry = find(pid, since);
    return entry != nullptr && !entry->is_draining ? &entry->models : nullptr;
}

bool Roster::has(pid_t pid, MonoTime since) {
    read_workers();
    return find(pid, since) != nullptr;
}

bool Roster::lacked(pid_t pid, MonoTime since, MonoTime asked) {
    if (url_.empty() || clock_.now() - asked < kListAgeMax) return false;
    return read_now() && find(pid, since) == nullptr;
}

std::string Roster::summary(std::size_t workers) {
    const auto queues = get("/v1/queues");
    if (!queues) return "the gateway does not answer";
    std::int64_t running = 0;
    std::int64_t waiting = 0;
    bool is_estimate = false;
    std::string lanes;
    for (const auto& lane : *queues) {
        const auto queued = number_of(lane, "queued");
        running += number_of(lane, "in_progress");
        waiting += queued;
        if (queued == 0) continue;
        const bool is_about = lane.is_object() && lane.value("estimated", Json()) == true;
        is_estimate = is_estimate || is_about;
        lanes += fmt::format("{}{}/{} {}{}", lanes.empty() ? "" : ", ", text_of(lane, "queue"),
                             text_of(lane, "priority"), is_about ? "~" : "", queued);
    }
    return fmt::format("{} worker{}, {} running, {}{} waiting{}", workers, workers == 1 ? "" : "s",
                       running, is_estimate ? "~" : "", waiting,
                       lanes.empty() ? "" : fmt::format(" ({})", lanes));
}

}  // namespace millrace::cli::up

#include "worker/execute/output_feed.h"

#include <algorithm>

namespace millrace::execute {
namespace {

// Messages on the conveyor are bounded, so a longer text becomes several events.
constexpr std::size_t kEventTextMax = 64 << 10;

// Up to `max` bytes from `begin`, not ending within a UTF-8 character.
std::string_view piece(std::string_view text, std::size_t begin, std::size_t max) {
    auto end = std::min(text.size(), begin + max);
    const auto is_continuation = [&](std::size_t at) {
        return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
    };
    while (end < text.size() && end > begin + 1 && is_continuation(end)) --end;
    return text.substr(begin, end - begin);
}

}  // namespace

void OutputFeed::append(const AttemptKey& key, WorkerId worker, std::string_view text) {
    const MutexLock lock(mutex_);
    auto& feed = feed_of(key, worker);
    // After a missing piece, what follows would not continue the text.
    feed.is_full = feed.is_full || feed.text.size() + text.size() > options_.bytes_max;
    if (feed.is_full) return;
    if (feed.published == feed.text.size()) changed_.push_back(key);
    feed.text += text;
}

void OutputFeed::progress(const AttemptKey& key, WorkerId worker, double fraction,
                          std::string_view message) {
    const MutexLock lock(mutex_);
    auto& feed = feed_of(key, worker);
    if (!feed.progress) changed_.push_back(key);
    feed.progress = wire::Progress{.fraction = fraction, .message = std::string(message)};
}

std::uint32_t OutputFeed::end(const AttemptKey& key) {
    const MutexLock lock(mutex_);
    const auto found = feeds_.find(key);
    if (found == feeds_.end()) return 1;
    publish(key, found->second);
    const auto sequence = found->second.sequence + 1;
    feeds_.erase(found);
    return sequence;
}

std::vector<wire::Event> OutputFeed::take_events() {
    const MutexLock lock(mutex_);
    for (const auto& key : changed_) {
        const auto found = feeds_.find(key);
        if (found != feeds_.end()) publish(key, found->second);
    }
    changed_.clear();
    return std::exchange(events_, {});
}

std::vector<OutputFeed::Checkpoint> OutputFeed::take_checkpoints(MonoTime now,
                                                                 const CheckpointLimits& limits) {
    const MutexLock lock(mutex_);
    std::vector<std::pair<const AttemptKey*, Feed*>> line;
    for (auto& [key, feed] : feeds_) {
        // Only published text has a sequence that a checkpoint can refer to.
        if (feed.checkpointed == feed.published) continue;
        if (feed.checkpointed_at && now - *feed.checkpointed_at < options_.partial_interval) {
            continue;
        }
        line.emplace_back(&key, &feed);
    }
    std::ranges::sort(line, {}, [](const auto& entry) { return entry.second->place; });

    std::vector<Checkpoint> checkpoints;
    std::size_t bytes = 0;
    for (const auto& [at, waiting] : line) {
        const auto& key = *at;
        auto& feed = *waiting;
        if (checkpoints.size() == limits.count_max) break;
        bytes += feed.published;
        if (!checkpoints.empty() && bytes > limits.bytes_max) break;
        checkpoints.push_back(
            {feed.worker,
             {.key = key, .sequence = feed.sequence, .text = feed.text.substr(0, feed.published)}});
        feed.checkpointed = feed.published;
        feed.checkpointed_at = now;
        feed.place = ++places_;
    }
    return checkpoints;
}

OutputFeed::Feed& OutputFeed::feed_of(const AttemptKey& key, WorkerId worker) {
    auto& feed = feeds_[key];
    feed.worker = worker;
    if (feed.place == 0) feed.place = ++places_;
    return feed;
}

void OutputFeed::publish(const AttemptKey& key, Feed& feed) {
    while (feed.published < feed.text.size()) {
        const auto text = piece(feed.text, feed.published, kEventTextMax);
        events_.push_back(
            {.key = key,
             .sequence = ++feed.sequence,
             .what = wire::Partial{.text = std::string(text), .offset = feed.published}});
        feed.published += text.size();
    }
    if (!feed.progress) return;
    events_.push_back({.key = key, .sequence = ++feed.sequence, .what = *std::move(feed.progress)});
    feed.progress.reset();
}

}  // namespace millrace::execute

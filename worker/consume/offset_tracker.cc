#include "worker/consume/offset_tracker.h"

#include <algorithm>
#include <optional>

#include "common/telemetry/telemetry.h"

namespace millrace::consume {

using telemetry::Metric;

schedule::MessageRef OffsetTracker::track(const std::string& topic, std::int32_t partition,
                                          std::int64_t offset, MonoTime now) {
    const MutexLock lock(mutex_);
    const auto [found, added] = index_.emplace(std::pair(topic, partition), partitions_.size());
    if (added) partitions_.push_back({.topic = topic, .number = partition, .messages = {}});
    auto& messages = partitions_[found->second].messages;
    if (!messages.empty() && offset <= messages.back().offset) messages.clear();
    messages.push_back({.offset = offset, .received = now});
    return {.partition = found->second, .offset = offset};
}

void OffsetTracker::finish(std::span<const schedule::MessageRef> finished) {
    const MutexLock lock(mutex_);
    for (const auto& ref : finished) {
        auto& messages = partitions_[ref.partition].messages;
        const auto found = std::lower_bound(
            messages.begin(), messages.end(), ref.offset,
            [](const Message& message, std::int64_t offset) { return message.offset < offset; });
        if (found != messages.end() && found->offset == ref.offset) found->finished = true;
    }
}

std::vector<OffsetTracker::Advance> OffsetTracker::advance(MonoTime now) {
    std::size_t let_go = 0;
    std::vector<Advance> advances;
    {
        const MutexLock lock(mutex_);
        for (auto& partition : partitions_) {
            std::optional<std::int64_t> done;
            while (!partition.messages.empty()) {
                const auto& oldest = partition.messages.front();
                if (!oldest.finished && !is_let_go(partition, now)) break;
                if (!oldest.finished) ++let_go;
                done = oldest.offset;
                partition.messages.pop_front();
            }
            if (done) advances.push_back({partition.topic, partition.number, *done});
        }
    }
    if (let_go > 0) telemetry::count<Metric::kOffsetsLetGo>(let_go);
    return advances;
}

bool OffsetTracker::is_let_go(const Partition& partition, MonoTime now) const {
    const auto& messages = partition.messages;
    return messages.size() > options_.lag_messages_max ||
           now - messages.front().received > options_.lag_max;
}

}  // namespace millrace::consume

// Tracks which messages are done with. Offsets advance over the contiguous run of messages that
// were claimed or skipped, so that after a crash all others are delivered again.
//
// A message that stays unclaimed must not hold its partition back forever: beyond the limits the
// oldest is let go. Its job's row is still queued, and stealing finds it.
//
// Threads:   thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "worker/schedule/candidate.h"

namespace millrace::consume {

struct OffsetTrackerOptions {
    std::size_t lag_messages_max = 10000;  // Messages from the oldest unclaimed one on.
    milliseconds lag_max{30000};           // Age of the oldest unclaimed one.
};

class OffsetTracker {
 public:
    explicit OffsetTracker(OffsetTrackerOptions options) : options_(options) {}

    // Adds a message that was received. The messages of a partition have rising offsets; an offset
    // that does not rise is a redelivery, and restarts the count of that partition.
    schedule::MessageRef track(const std::string& topic, std::int32_t partition,
                               std::int64_t offset, MonoTime now);

    // Marks messages that were claimed or skipped. Ignores those that were let go before.
    void finish(std::span<const schedule::MessageRef> messages);

    // A partition whose run has grown since the last call, up to and including `offset`.
    struct Advance {
        std::string topic;
        std::int32_t partition = 0;
        std::int64_t offset = 0;
    };
    std::vector<Advance> advance(MonoTime now);

 private:
    struct Message {
        std::int64_t offset = 0;
        MonoTime received;
        bool finished = false;
    };
    struct Partition {
        std::string topic;
        std::int32_t number = 0;
        std::deque<Message> messages;  // By offset; after advance(), the first is unfinished.
    };

    bool is_let_go(const Partition& partition, MonoTime now) const;

    const OffsetTrackerOptions options_;

    Mutex mutex_;
    std::map<std::pair<std::string, std::int32_t>, std::size_t> index_ GUARDED_BY(mutex_);
    std::vector<Partition> partitions_ GUARDED_BY(mutex_);
};

}  // namespace millrace::consume

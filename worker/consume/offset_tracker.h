// Which messages are done with: offsets advance over the contiguous run of messages that were
// claimed or skipped, so that a crash redelivers whatever was not.
//
// A message that stays unclaimed must not hold its partition back for ever: beyond the limits the
// oldest is let go. Its job's row is still queued, and stealing finds it.
//
// Threads:   thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "worker/schedule/candidate.h"

namespace millrace::worker {

struct OffsetTrackerOptions {
    std::size_t lag_messages_max = 10000;  // Messages behind the oldest unclaimed one.
    milliseconds lag_max{30000};           // Its age.
};

class OffsetTracker {
 public:
    explicit OffsetTracker(OffsetTrackerOptions options) : options_(options) {}

    // A message was received. Messages of a partition come with rising offsets; an offset that does
    // not rise is a redelivery, from which the partition is counted anew.
    MessageRef track(const std::string& topic, std::int32_t partition, std::int64_t offset,
                     MonoTime now);

    // The messages were claimed or skipped. Those that were let go before are ignored.
    void finish(std::span<const MessageRef> messages);

    // Partitions whose run has grown since the last call, up to and including `offset`.
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
        std::deque<Message> messages;  // By offset; the first is unfinished after advance().
    };

    bool is_let_go(const Partition& partition, MonoTime now) const;

    const OffsetTrackerOptions options_;

    std::mutex mutex_;
    // Guarded by mutex_.
    std::map<std::pair<std::string, std::int32_t>, std::size_t> index_;
    std::vector<Partition> partitions_;
};

}  // namespace millrace::worker

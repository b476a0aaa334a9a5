// Output of running attempts before their end: what is new goes out as events, what there is so far
// is checkpointed to the store now and then.
//
// Text that arrives between two flushes becomes one event. Of an attempt at most `bytes_max` are
// kept and passed on; how a larger output ends is decided where the attempt ends.
//
// Threads:   thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/job/job.h"
#include "common/storage/records.h"
#include "common/wire/messages.h"

namespace millrace::worker {

struct OutputFeedOptions {
    std::size_t bytes_max = 16 << 20;
    milliseconds checkpoint_interval{1000};  // Per attempt.
};

// Of what is saved by one call of the store.
struct CheckpointLimits {
    std::size_t count_max = 100;
    std::size_t bytes_max = 16 << 20;  // A longer text goes alone.
};

class OutputFeed {
 public:
    explicit OutputFeed(OutputFeedOptions options) : options_(options) {}

    void append(const AttemptKey& key, WorkerId worker, std::string_view text);
    void progress(const AttemptKey& key, WorkerId worker, double fraction,
                  std::string_view message);

    // The attempt is over. What is left of it is in the next take_events(); returns the sequence
    // for the event that follows. The `started` event has sequence 0.
    std::uint32_t end(const AttemptKey& key);

    // What came since the last call, in order for each attempt.
    std::vector<wire::Event> take_events();

    // Attempts with new output whose last checkpoint is old enough, as many as fit, at least one,
    // those first whose turn was the longest ago; counts them as checkpointed. Asked again at the
    // same time, it gives the rest, and at last none.
    using Checkpoint = std::pair<WorkerId, storage::PartialCheckpoint>;
    std::vector<Checkpoint> take_checkpoints(MonoTime now, const CheckpointLimits& limits = {});

 private:
    struct Feed {
        WorkerId worker;
        std::string text;
        bool is_full = false;          // A piece was left out, and all that follow are.
        std::size_t published = 0;     // Bytes of text.
        std::size_t checkpointed = 0;  // Bytes of text.
        std::optional<MonoTime> checkpointed_at;
        std::optional<wire::Progress> progress;
        std::uint32_t sequence = 0;  // Of the last event.
        std::uint64_t place = 0;     // In the line for checkpoints.
    };

    Feed& feed_of_locked(const AttemptKey& key, WorkerId worker);
    void publish(const AttemptKey& key, Feed& feed);

    const OutputFeedOptions options_;

    std::mutex mutex_;
    // Guarded by mutex_.
    std::unordered_map<AttemptKey, Feed, AttemptKeyHash> feeds_;
    std::uint64_t places_ = 0;
    std::vector<AttemptKey> changed_;  // Feeds with something to publish; may name one twice.
    std::vector<wire::Event> events_;
};

}  // namespace millrace::worker

// The output of running attempts before they end. New output is published as events; from time to
// time the output so far is checkpointed to the store.
//
// Text that arrives between two flushes becomes one event, or several if it is long. At most
// `bytes_max` of an attempt's text are kept and passed on; the outcome of a larger output is
// decided when the attempt ends.
//
// Threads:   thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/job/job.h"
#include "common/storage/records.h"
#include "common/wire/messages.h"

namespace millrace::execute {

struct OutputFeedOptions {
    std::size_t bytes_max = 16 << 20;
    milliseconds partial_interval{1000};  // Per attempt.
};

// Limits of one call of the store.
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

    // The attempt is over; the next take_events() returns the rest of its output. Returns the
    // sequence for the event that follows. The `started` event has sequence 0.
    std::uint32_t end(const AttemptKey& key);

    // The events since the last call, in order for each attempt.
    std::vector<wire::Event> take_events();

    using Checkpoint = std::pair<WorkerId, storage::PartialCheckpoint>;
    // Attempts with new output whose last checkpoint is old enough: as many as fit, but at least
    // one, those whose turn was longest ago first. Counts them as checkpointed. Further calls with
    // the same `now` return the rest, and finally none.
    std::vector<Checkpoint> take_checkpoints(MonoTime now, const CheckpointLimits& limits = {});

 private:
    struct Feed {
        WorkerId worker;
        std::string text;
        bool is_full = false;          // A piece was left out, and so is all that follows.
        std::size_t published = 0;     // Bytes of text.
        std::size_t checkpointed = 0;  // Bytes of text.
        std::optional<MonoTime> checkpointed_at;
        std::optional<wire::Progress> progress;
        std::uint32_t sequence = 0;  // Of the last event.
        std::uint64_t place = 0;     // In the queue for checkpoints.
    };

    Feed& feed_of(const AttemptKey& key, WorkerId worker) REQUIRES(mutex_);
    void publish(const AttemptKey& key, Feed& feed) REQUIRES(mutex_);

    const OutputFeedOptions options_;

    Mutex mutex_;
    std::unordered_map<AttemptKey, Feed, AttemptKeyHash> feeds_ GUARDED_BY(mutex_);
    std::uint64_t places_ GUARDED_BY(mutex_) = 0;
    // Feeds with something to publish; may contain one twice.
    std::vector<AttemptKey> changed_ GUARDED_BY(mutex_);
    std::vector<wire::Event> events_ GUARDED_BY(mutex_);
};

}  // namespace millrace::execute

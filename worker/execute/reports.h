// Passes on what backends report about attempts: output to the feed, outcomes to the completion
// writer. The text of models, servers and programs enters the worker here, from every backend. All
// text that goes on from here can be stored (common/base/text.h) and is bounded: codes and messages
// are cut, and an output beyond `output_bytes_max` fails its job, output_too_large.
//
// Threads:   thread-safe; it has no state of its own.
// Blocks:    never.
// Errors:    none.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "worker/execute/ended_attempts.h"
#include "worker/execute/output_feed.h"

namespace millrace::execute {

class Reports {
 public:
    // Borrows both.
    Reports(OutputFeed& outputs, EndedAttempts& ended, std::size_t output_bytes_max)
        : outputs_(outputs), ended_(ended), output_bytes_max_(output_bytes_max) {}

    void partial(const AttemptKey& key, WorkerId worker, std::string_view text);
    void progress(const AttemptKey& key, WorkerId worker, double fraction,
                  std::string_view message);

    // The attempt is over, after its backend ran it for `took`.
    void finished(const std::string& backend, std::chrono::nanoseconds took, EndedAttempt attempt);
    // The attempt is over, whether it ran or not.
    void ended(EndedAttempt attempt);
    // The attempt is over, and its outcome counts no more.
    void dropped(const AttemptKey& key) { outputs_.end(key); }

 private:
    OutputFeed& outputs_;
    EndedAttempts& ended_;
    const std::size_t output_bytes_max_;
};

}  // namespace millrace::execute

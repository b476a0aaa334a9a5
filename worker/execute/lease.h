// The right to claim and start jobs, as this worker may believe in it.
//
// Counted on the worker's monotonic clock from the instant a renewal was sent, less a margin: so it
// ends here before anyone else may take it for over, however long the reply took.
//
// Threads:   thread-safe.
#pragma once

#include <mutex>
#include <optional>

#include "common/base/clock.h"
#include "common/base/uuid.h"

namespace millrace::worker {

struct LeaseTerms {
    milliseconds ttl{30000};
    milliseconds margin{5000};  // < ttl
};

class Lease {
 public:
    explicit Lease(LeaseTerms terms) : terms_(terms) {}

    // Under whose name to claim now; nothing without a live lease.
    std::optional<WorkerId> live(MonoTime now) const;
    // The current incarnation, whether its lease lives or not; nil before the first.
    WorkerId worker() const;

    // A new incarnation, or the same once more, by a request that was sent at `sent`.
    void renew(WorkerId worker, MonoTime sent);
    // Ends at once.
    void revoke();

 private:
    const LeaseTerms terms_;

    mutable std::mutex mutex_;
    // Guarded by mutex_.
    WorkerId worker_;
    std::optional<MonoTime> until_;
};

}  // namespace millrace::worker

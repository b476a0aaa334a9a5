// This worker's view of its right to claim and start jobs.
//
// The time counts on the worker's monotonic clock from the instant when a renewal was sent, less a
// margin. So the lease ends here before anyone else may consider it expired, however long the reply
// took.
//
// Threads:   thread-safe.
#pragma once

#include <optional>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/uuid.h"

namespace millrace::execute {

struct LeaseTerms {
    milliseconds ttl{30000};
    milliseconds margin{5000};  // < ttl
};

class Lease {
 public:
    explicit Lease(LeaseTerms terms) : terms_(terms) {}

    // The incarnation to claim under; nothing without a live lease.
    std::optional<WorkerId> live(MonoTime now) const;
    // The current incarnation, with or without a live lease; nil before the first.
    WorkerId worker() const;

    // Starts or renews the lease of an incarnation, by a request that was sent at `sent`.
    void renew(WorkerId worker, MonoTime sent);
    // Ends the lease at once.
    void revoke();

 private:
    const LeaseTerms terms_;

    mutable Mutex mutex_;
    WorkerId worker_ GUARDED_BY(mutex_);
    std::optional<MonoTime> until_ GUARDED_BY(mutex_);
};

}  // namespace millrace::execute

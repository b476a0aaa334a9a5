#include "worker/execute/lease.h"

namespace millrace::execute {

std::optional<WorkerId> Lease::live(MonoTime now) const {
    const MutexLock lock(mutex_);
    if (!until_ || now >= *until_) return std::nullopt;
    return worker_;
}

WorkerId Lease::worker() const {
    const MutexLock lock(mutex_);
    return worker_;
}

void Lease::renew(WorkerId worker, MonoTime sent) {
    const MutexLock lock(mutex_);
    worker_ = worker;
    until_ = sent + terms_.ttl - terms_.margin;
}

void Lease::revoke() {
    const MutexLock lock(mutex_);
    until_.reset();
}

}  // namespace millrace::execute

#include "worker/backends/inbox.h"

#include <utility>

namespace millrace::backends {

bool Inbox::post(std::vector<Execution>& batch) {
    {
        const MutexLock lock(mutex_);
        if (news_.closed) return false;
        news_.batches.push_back(std::move(batch));
    }
    changed_.notify_one();
    return true;
}

void Inbox::post(const Abort& abort) {
    {
        const MutexLock lock(mutex_);
        if (news_.closed) return;
        news_.aborts.push_back(abort);
    }
    changed_.notify_one();
}

void Inbox::close() {
    {
        const MutexLock lock(mutex_);
        news_.closed = true;
    }
    changed_.notify_one();
}

Inbox::Messages Inbox::take() {
    const MutexLock lock(mutex_);
    return take_locked();
}

Inbox::Messages Inbox::wait(MonoTime deadline) {
    MutexLock lock(mutex_);
    changed_.wait_until(lock, deadline, [this]() REQUIRES(mutex_) { return has_news(); });
    return take_locked();
}

Inbox::Messages Inbox::take_locked() {
    Messages taken;
    taken.closed = news_.closed;
    std::swap(taken.batches, news_.batches);
    std::swap(taken.aborts, news_.aborts);
    return taken;
}

void refuse(ExecutionSink& sink, const std::vector<Execution>& batch) {
    for (const auto& execution : batch) {
        sink.finished(execution.job.key, aborted_outcome(AbortReason::kInterrupted));
    }
}

}  // namespace millrace::backends

#include "worker/backends/inbox.h"

#include <utility>

namespace millrace::worker {

bool Inbox::post(std::vector<Execution>& batch) {
    {
        const std::lock_guard lock(mutex_);
        if (news_.closed) return false;
        news_.batches.push_back(std::move(batch));
    }
    changed_.notify_one();
    return true;
}

void Inbox::post(const Abort& abort) {
    {
        const std::lock_guard lock(mutex_);
        if (news_.closed) return;
        news_.aborts.push_back(abort);
    }
    changed_.notify_one();
}

void Inbox::close() {
    {
        const std::lock_guard lock(mutex_);
        news_.closed = true;
    }
    changed_.notify_one();
}

Inbox::Messages Inbox::take() {
    const std::lock_guard lock(mutex_);
    return take_locked();
}

Inbox::Messages Inbox::wait(MonoTime deadline) {
    std::unique_lock lock(mutex_);
    const auto has_news = [this] { return has_news_locked(); };
    if (deadline == MonoTime::max()) {
        changed_.wait(lock, has_news);
    } else {
        changed_.wait_until(lock, deadline, has_news);
    }
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

}  // namespace millrace::worker

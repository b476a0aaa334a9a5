#include "producer/dispatch/dispatcher.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/telemetry/telemetry.h"
#include "common/wire/messages.h"

namespace millrace::dispatch {

using telemetry::Metric;

Dispatcher::Dispatcher(DispatcherOptions options, const Clock& clock, broker::Topics topics,
                       broker::Publisher& publisher)
    : options_(options), clock_(clock), topics_(std::move(topics)), publisher_(publisher) {}

void Dispatcher::offer(std::vector<QueuedJob> jobs) {
    if (jobs.empty()) return;
    bool was_empty = false;
    std::size_t taken = 0;
    {
        const MutexLock lock(mutex_);
        was_empty = waiting_.empty();
        taken = std::min(jobs.size(), options_.queue_max - waiting_.size());
        const auto end = jobs.begin() + static_cast<std::ptrdiff_t>(taken);
        waiting_.insert(waiting_.end(), std::make_move_iterator(jobs.begin()),
                        std::make_move_iterator(end));
        telemetry::set<Metric::kDispatchQueue>(waiting_.size());
    }
    // If jobs were already waiting, the thread has been woken, or it waits until the pace is over.
    if (was_empty) offered_.notify_one();
    if (taken < jobs.size()) {
        telemetry::count<Metric::kDispatchDropped>(jobs.size() - taken);
    }
}

bool Dispatcher::step() {
    if (clock_.now() < last_publish_ + options_.pace) return false;
    std::vector<QueuedJob> jobs;
    {
        const MutexLock lock(mutex_);
        jobs.swap(waiting_);
        telemetry::set<Metric::kDispatchQueue>(0);
    }
    if (jobs.empty()) return false;
    publish(jobs);
    last_publish_ = clock_.now();
    return true;
}

void Dispatcher::run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        {
            MutexLock lock(mutex_);
            offered_.wait(lock, stop, [this]() REQUIRES(mutex_) { return !waiting_.empty(); });
            offered_.wait_until(lock, stop, last_publish_ + options_.pace, [] { return false; });
        }
        step();
    }
    last_publish_ = MonoTime::min();
    step();
}

void Dispatcher::publish(const std::vector<QueuedJob>& jobs) {
    std::vector<broker::OutgoingMessage> messages;
    messages.reserve(jobs.size());
    for (const auto& job : jobs) {
        messages.push_back({topics_.jobs(job.queue, job.priority), "", encode(job)});
    }
    const auto taken = publisher_.publish(messages);
    telemetry::count<Metric::kMessagesPublished>(taken, "jobs");
    if (taken < messages.size()) {
        const auto lost = messages.size() - taken;
        telemetry::count<Metric::kPublishFailures>(lost, "jobs");
    }
}

std::string Dispatcher::encode(const QueuedJob& job) const {
    if (job.encoded_spec.empty() || job.encoded_spec.size() > options_.inline_bytes_max) {
        return wire::encode(wire::Dispatch{job.id, std::nullopt});
    }
    return wire::encode_dispatch(job.id, job.encoded_spec);
}

}  // namespace millrace::dispatch

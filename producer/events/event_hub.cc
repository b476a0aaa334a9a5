#include "producer/events/event_hub.h"

#include <atomic>
#include <optional>
#include <unordered_map>
#include <utility>

#include "common/base/mutex.h"
#include "common/telemetry/telemetry.h"

namespace millrace::events {

using telemetry::Metric;

namespace {

struct Watcher {
    service::Callback<const service::JobNotice&> notice;
    std::atomic<bool> ended = false;
};

struct Watched {
    std::optional<std::pair<Epoch, std::uint32_t>> newest;  // (epoch, sequence) delivered last.
    bool finished = false;
    std::vector<std::shared_ptr<Watcher>> watchers;

    // Whether the notice is new; if so, it is remembered.
    bool accept(const service::JobNotice& news) {
        if (finished) return false;
        if (news.kind == service::JobNotice::Kind::kFinished) {
            finished = true;
            return true;
        }
        const std::pair order{news.epoch, news.sequence};
        if (newest && order <= *newest) return false;
        newest = order;
        return true;
    }
};

}  // namespace

struct EventHub::Registry {
    explicit Registry(std::size_t max) : watchers_max(max) {}

    const std::size_t watchers_max;
    mutable Mutex mutex;
    std::unordered_map<JobId, Watched> jobs GUARDED_BY(mutex);
    std::size_t watchers GUARDED_BY(mutex) = 0;

    void count_changed() const REQUIRES(mutex) { telemetry::set<Metric::kWaiters>(watchers); }
};

class EventHub::Watch : public service::Subscription {
 public:
    Watch(std::shared_ptr<Registry> registry, JobId job, std::shared_ptr<Watcher> watcher)
        : registry_(std::move(registry)), job_(job), watcher_(std::move(watcher)) {}

    ~Watch() override {
        watcher_->ended = true;
        const MutexLock lock(registry_->mutex);
        const auto job = registry_->jobs.find(job_);
        std::erase(job->second.watchers, watcher_);
        if (job->second.watchers.empty()) registry_->jobs.erase(job);
        --registry_->watchers;
        registry_->count_changed();
    }

 private:
    const std::shared_ptr<Registry> registry_;
    const JobId job_;
    const std::shared_ptr<Watcher> watcher_;
};

EventHub::EventHub(std::size_t watchers_max)
    : registry_(std::make_shared<Registry>(watchers_max)) {}

EventHub::~EventHub() = default;

std::unique_ptr<service::Subscription> EventHub::watch(
    JobId job, service::Callback<const service::JobNotice&> notice) {
    auto watcher = std::make_shared<Watcher>();
    watcher->notice = std::move(notice);
    const MutexLock lock(registry_->mutex);
    if (registry_->watchers >= registry_->watchers_max) return nullptr;
    registry_->jobs[job].watchers.push_back(watcher);
    ++registry_->watchers;
    registry_->count_changed();
    return std::make_unique<Watch>(registry_, job, std::move(watcher));
}

void EventHub::notify(JobId job, const service::JobNotice& notice) {
    std::vector<std::shared_ptr<Watcher>> watchers;
    {
        const MutexLock lock(registry_->mutex);
        const auto watched = registry_->jobs.find(job);
        if (watched == registry_->jobs.end() || !watched->second.accept(notice)) return;
        watchers = watched->second.watchers;
    }
    for (const auto& watcher : watchers) {
        if (!watcher->ended) watcher->notice(notice);
    }
}

std::vector<JobId> EventHub::awaited() const {
    const MutexLock lock(registry_->mutex);
    std::vector<JobId> jobs;
    jobs.reserve(registry_->jobs.size());
    for (const auto& [job, watched] : registry_->jobs) {
        if (!watched.finished) jobs.push_back(job);
    }
    return jobs;
}

bool EventHub::idle() const {
    const MutexLock lock(registry_->mutex);
    return registry_->jobs.empty();
}

}  // namespace millrace::events

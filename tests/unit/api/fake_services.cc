#include "tests/unit/api/fake_services.h"

#include <algorithm>

namespace millrace::test {
namespace {

using service::Callback;
using service::JobNotice;
using service::SubmitRequest;
using service::SubmitResult;
using storage::JobRecord;

// 2025-10-09 08:53:20 UTC.
constexpr storage::DbTime kNow{std::chrono::seconds(1760000000)};

}  // namespace

class FakeServices::Watch final : public service::Subscription {
 public:
    Watch(FakeServices& service, int number) : service_(service), number_(number) {}
    ~Watch() override {
        const std::lock_guard lock(service_.mutex_);
        service_.watches_.erase(number_);
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

 private:
    FakeServices& service_;
    const int number_;
};

FakeServices::FakeServices() {
    thread_ = runtime::Thread("fake-service", [this](const std::stop_token& stop) { run(stop); });
}

FakeServices::~FakeServices() {
    release();
    thread_.request_stop();
    thread_.join();
}

void FakeServices::run(const std::stop_token& stop) {
    while (true) {
        Task task;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, stop, [&] { return !held_ && !tasks_.empty(); });
            if (tasks_.empty()) return;  // Stopped, and every call is answered.
            task = std::move(tasks_.front());
            tasks_.pop_front();
        }
        task();
    }
}

void FakeServices::answer(Task task) {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    changed_.notify_all();
}

JobId FakeServices::next_id() {
    return JobId(ids_.next(std::chrono::floor<milliseconds>(kNow.time_since_epoch())));
}

JobId FakeServices::put(const std::function<void(JobRecord&)>& change) {
    const std::lock_guard lock(mutex_);
    JobRecord job{.id = next_id(),
                  .queue = "default",
                  .model = "m",
                  .attempts_max = 3,
                  .created_at = kNow,
                  .queued_at = kNow};
    if (change) change(job);
    jobs_[job.id] = job;
    return job.id;
}

void FakeServices::change(const JobId& id, const std::function<void(JobRecord&)>& change) {
    const std::lock_guard lock(mutex_);
    change(jobs_.at(id));
}

void FakeServices::finish(const JobId& id, JobState state, const std::string& output_json) {
    change(id, [&](JobRecord& job) {
        job.state = state;
        job.finished_at = kNow;
        if (!output_json.empty()) job.output_json = output_json;
        if (state == JobState::kFailed) {
            job.error_code = "bad_prompt";
            job.error_message = "The prompt is empty.";
        }
    });
    notify(id, {.kind = JobNotice::Kind::kFinished, .state = state});
}

void FakeServices::notify(const JobId& id, const JobNotice& notice) {
    answer([this, id, notice] {
        std::vector<Callback<const JobNotice&>> callbacks;
        {
            const std::lock_guard lock(mutex_);
            for (const auto& [number, watch] : watches_) {
                if (watch.first == id) callbacks.push_back(watch.second);
            }
        }
        for (const auto& callback : callbacks) callback(notice);
    });
}

std::vector<SubmitRequest> FakeServices::submitted() const {
    const std::lock_guard lock(mutex_);
    return submitted_;
}

std::size_t FakeServices::watchers() const {
    const std::lock_guard lock(mutex_);
    return watches_.size();
}

std::size_t FakeServices::calls_held() const {
    const std::lock_guard lock(mutex_);
    return held_ ? tasks_.size() : 0;
}

void FakeServices::hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
}

void FakeServices::release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
}

void FakeServices::fail_submits(std::optional<service::SubmitError> error) {
    const std::lock_guard lock(mutex_);
    submit_error_ = std::move(error);
}

void FakeServices::fail_reads(std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    read_error_ = std::move(error);
}

void FakeServices::refuse_watches() {
    const std::lock_guard lock(mutex_);
    refuses_watches_ = true;
}

void FakeServices::set_ready(const service::Readiness& ready) {
    const std::lock_guard lock(mutex_);
    ready_ = ready;
}

storage::JobFilter FakeServices::last_filter() const {
    const std::lock_guard lock(mutex_);
    return last_filter_;
}

SubmitResult FakeServices::accept(SubmitRequest request) {
    if (submit_error_) return *submit_error_;
    if (request.idempotency && !request.idempotency->takes_over) {
        const auto& fingerprint = request.idempotency->fingerprint;
        const auto known = keys_.find({request.idempotency->scope, request.idempotency->key});
        if (known != keys_.end()) {
            const auto& [id, earlier] = known->second;
            return service::SubmitReply{.id = id,
                                        .state = jobs_.at(id).state,
                                        .replayed = earlier == fingerprint,
                                        .key_reused = earlier != fingerprint};
        }
    }
    JobRecord job{.id = next_id(),
                  .state = request.run_at ? JobState::kScheduled : JobState::kQueued,
                  .queue = request.spec.queue,
                  .priority = request.spec.priority,
                  .model = request.spec.model,
                  .metadata_json = request.spec.metadata_json,
                  .attempts_max = request.spec.policy.attempts_max,
                  .created_at = kNow,
                  .run_at = request.run_at};
    if (request.idempotency) {
        const auto& key = *request.idempotency;
        keys_[{key.scope, key.key}] = {job.id, key.fingerprint};
        if (key.scope == storage::IdempotencyKey::Scope::kClientId) job.client_id = key.key;
    }
    const service::SubmitReply reply{.id = job.id, .state = job.state};
    jobs_[job.id] = std::move(job);
    submitted_.push_back(std::move(request));
    return reply;
}

void FakeServices::submit(SubmitRequest request, Callback<SubmitResult> done) {
    answer([this, request = std::move(request), done = std::move(done)]() mutable {
        auto result = [&] {
            const std::lock_guard lock(mutex_);
            return accept(std::move(request));
        }();
        done(std::move(result));
    });
}

void FakeServices::submit_many(std::vector<SubmitRequest> requests,
                               Callback<std::vector<SubmitResult>> done) {
    answer([this, requests = std::move(requests), done = std::move(done)]() mutable {
        std::vector<SubmitResult> results;
        {
            const std::lock_guard lock(mutex_);
            for (auto& request : requests) results.push_back(accept(std::move(request)));
        }
        done(std::move(results));
    });
}

void FakeServices::get(JobId id, storage::JobFields fields, Callback<Result<JobRecord>> done) {
    answer([this, id, fields, done = std::move(done)] {
        auto result = [&]() -> Result<JobRecord> {
            const std::lock_guard lock(mutex_);
            if (read_error_) return *read_error_;
            const auto found = jobs_.find(id);
            if (found == jobs_.end()) return Error{ErrorCode::kNotFound, "no such job"};
            auto job = found->second;
            if (!fields.input) job.input_json.reset();
            if (!fields.output) job.output_json.reset();
            if (!fields.partial) job.partial_text.reset();
            if (!fields.attempts) job.attempts.clear();
            return job;
        }();
        done(std::move(result));
    });
}

void FakeServices::list(storage::JobFilter filter, Callback<Result<service::JobList>> done) {
    answer([this, filter = std::move(filter), done = std::move(done)] {
        service::JobList page;
        {
            const std::lock_guard lock(mutex_);
            last_filter_ = filter;
            for (const auto& [id, job] : jobs_) {
                if (filter.after && id <= *filter.after) continue;
                if (page.jobs.size() == static_cast<std::size_t>(filter.limit)) {
                    page.next = page.jobs.back().id;
                    break;
                }
                page.jobs.push_back(job);
            }
        }
        done(std::move(page));
    });
}

void FakeServices::find(std::string client_id, Callback<Result<JobId>> done) {
    answer([this, client_id = std::move(client_id), done = std::move(done)] {
        auto result = [&]() -> Result<JobId> {
            const std::lock_guard lock(mutex_);
            const auto key = keys_.find({storage::IdempotencyKey::Scope::kClientId, client_id});
            if (key == keys_.end()) return Error{ErrorCode::kNotFound, "no such job"};
            return key->second.first;
        }();
        done(std::move(result));
    });
}

void FakeServices::count(storage::JobFilter filter, std::int64_t most,
                         Callback<Result<service::JobCount>> done) {
    answer([this, filter = std::move(filter), most, done = std::move(done)] {
        service::JobCount count;
        {
            const std::lock_guard lock(mutex_);
            last_filter_ = filter;
            count.matching = std::min(static_cast<std::int64_t>(jobs_.size()), most);
        }
        done(count);
    });
}

void FakeServices::cancel(JobId id, Callback<Result<JobRecord>> done) {
    answer([this, id, done = std::move(done)] {
        auto result = [&]() -> Result<JobRecord> {
            const std::lock_guard lock(mutex_);
            const auto found = jobs_.find(id);
            if (found == jobs_.end()) return Error{ErrorCode::kNotFound, "no such job"};
            auto& job = found->second;
            if (job.state == JobState::kQueued) job.state = JobState::kCancelled;
            if (job.state == JobState::kInProgress) job.state = JobState::kCancelling;
            return job;
        }();
        done(std::move(result));
    });
}

std::unique_ptr<service::Subscription> FakeServices::watch(JobId id,
                                                           Callback<const JobNotice&> notice) {
    const std::lock_guard lock(mutex_);
    if (refuses_watches_) return nullptr;
    const int number = ++last_watch_;
    watches_[number] = {id, std::move(notice)};
    return std::make_unique<Watch>(*this, number);
}

void FakeServices::lanes(Callback<Result<std::vector<storage::LaneStats>>> done) {
    answer([done = std::move(done)] {
        done(std::vector<storage::LaneStats>{
            {.queue = "default", .priority = Priority::kHigh, .queued = 2, .in_progress = 1},
            {.queue = "default",
             .priority = Priority::kLow,
             .oldest_age = milliseconds(7),
             .is_estimate = true}});
    });
}

void FakeServices::workers(Callback<Result<std::vector<storage::WorkerRecord>>> done) {
    answer([done = std::move(done)] {
        storage::WorkerRecord worker{.state = storage::WorkerState::kDraining,
                                     .started_at = kNow,
                                     .heartbeat_age = milliseconds(1500),
                                     .active = 3};
        worker.info = {.name = "gpu-7", .slots = 4, .queues = {"default"}};
        worker.info.devices = {"process:0"};
        auto stopped = worker;
        stopped.state = storage::WorkerState::kStopped;
        stopped.info.name = "gpu-6";
        auto lost = stopped;
        lost.state = storage::WorkerState::kLost;
        lost.info.name = "gpu-5";
        lost.heartbeat_age = std::chrono::hours(3);
        done(std::vector{worker, stopped, lost});
    });
}

void FakeServices::readiness(Callback<service::Readiness> done) {
    answer([this, done = std::move(done)] {
        const auto ready = [&] {
            const std::lock_guard lock(mutex_);
            return ready_;
        }();
        done(ready);
    });
}

const std::vector<std::string>& FakeServices::queues() const {
    static const std::vector<std::string> names{"default", "images"};
    return names;
}

void FakeServices::model_known(std::string, std::string model, Callback<bool> done) {
    // This model was announced a moment ago. The answer is at hand, so it comes within the call.
    done(model == "fresh");
}

std::vector<std::string> FakeServices::models(const std::string&) const {
    return {"m", "synthetic"};
}

void FakeServices::set_lacks_worker(const std::string& model) {
    const std::lock_guard lock(mutex_);
    idle_model_ = model;
}

bool FakeServices::has_worker(const std::string&, const std::string& model) const {
    const std::lock_guard lock(mutex_);
    return has_workers_ && model != idle_model_;
}

storage::DbTime FakeServices::database_now() const {
    return kNow;
}

}  // namespace millrace::test

// The services, made of a few maps: jobs stay as a test leaves them. Callbacks come from a thread
// of their own, as the real ones' do.
//
// Threads: thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include "common/runtime/thread.h"
#include "producer/service/services.h"
#include "tests/support/seeded_random.h"

namespace millrace::test {

class FakeServices final : public service::Submissions,
                           public service::JobReads,
                           public service::JobCommands,
                           public service::JobScans,
                           public service::JobEvents,
                           public service::Fleet,
                           public service::Lanes {
 public:
    FakeServices();
    ~FakeServices() override;

    // --- For tests ---

    // Adds a queued job of the model "m"; `change` adapts it.
    JobId put(const std::function<void(storage::JobRecord&)>& change = {});
    void change(const JobId& id, const std::function<void(storage::JobRecord&)>& change);
    // Makes the job final and notifies its watchers.
    void finish(const JobId& id, JobState state, const std::string& output_json = {});
    void notify(const JobId& id, const service::JobNotice& notice);

    std::vector<service::SubmitRequest> submitted() const;
    std::size_t watchers() const;
    std::size_t calls_held() const;

    // After hold(), answers wait; release() sends them and all later ones.
    void hold();
    void release();

    // Until cleared, calls of the kind fail with this error.
    void fail_submits(std::optional<service::SubmitError> error);
    void fail_reads(std::optional<Error> error);
    void refuse_watches();
    void set_ready(const service::Readiness& ready);
    void set_has_workers(bool has_workers) { has_workers_ = has_workers; }
    void set_lacks_worker(const std::string& model);
    storage::JobFilter last_filter() const;

    service::Services services() { return {*this, *this, *this, *this, *this, *this, *this}; }

    // --- The services ---
    void submit(service::SubmitRequest request,
                service::Callback<service::SubmitResult> done) override;
    void submit_many(std::vector<service::SubmitRequest> requests,
                     service::Callback<std::vector<service::SubmitResult>> done) override;
    void get(JobId id, storage::JobFields fields,
             service::Callback<Result<storage::JobRecord>> done) override;
    void list(storage::JobFilter filter, service::Callback<Result<service::JobList>> done) override;
    void find(std::string client_id, service::Callback<Result<JobId>> done) override;
    void count(storage::JobFilter filter, std::int64_t most,
               service::Callback<Result<service::JobCount>> done) override;
    void retry(JobId id, service::Callback<Result<service::RetryPage>> done) override;
    void retry(std::vector<JobId> ids, service::Callback<Result<service::RetryPage>> done) override;
    void retry_matching(storage::JobFilter filter,
                        service::Callback<Result<service::RetryPage>> done) override;
    void cancel(JobId id, service::Callback<Result<storage::JobRecord>> done) override;
    void cancel_matching(storage::JobFilter filter,
                         service::Callback<Result<service::CancelTotals>> done) override;
    std::unique_ptr<service::Subscription> watch(
        JobId id, service::Callback<const service::JobNotice&> notice) override;
    void lanes(service::Callback<Result<std::vector<storage::LaneStats>>> done) override;
    void workers(service::Callback<Result<std::vector<storage::WorkerRecord>>> done) override;
    void readiness(service::Callback<service::Readiness> done) override;
    const std::vector<std::string>& queues() const override;
    void model_known(std::string queue, std::string model, service::Callback<bool> done) override;
    std::vector<std::string> models(const std::string& queue) const override;
    bool has_worker(const std::string& queue, const std::string& model) const override;
    storage::DbTime database_now() const override;

 private:
    class Watch;
    using Task = std::function<void()>;

    void answer(Task task);
    void run(const std::stop_token& stop);
    service::SubmitResult accept(service::SubmitRequest request);  // Requires: mutex_ is held.
    service::RetryResult retry_one(JobId id);                      // Likewise.
    JobId next_id();                                               // Likewise.

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Task> tasks_;
    bool held_ = false;
    std::atomic<bool> has_workers_ = true;
    std::string idle_model_;  // No worker serves it.
    std::map<JobId, storage::JobRecord> jobs_;
    std::vector<service::SubmitRequest> submitted_;
    std::map<std::pair<storage::IdempotencyKey::Scope, std::string>,
             std::pair<JobId, std::array<std::uint8_t, 32>>>
        keys_;
    std::map<int, std::pair<JobId, service::Callback<const service::JobNotice&>>> watches_;
    int last_watch_ = 0;
    bool refuses_watches_ = false;
    std::optional<service::SubmitError> submit_error_;
    std::optional<Error> read_error_;
    service::Readiness ready_{true, true, true, {}};
    storage::JobFilter last_filter_;
    SeededRandom random_;
    UuidGenerator ids_{random_};
    runtime::Thread thread_;
};

}  // namespace millrace::test

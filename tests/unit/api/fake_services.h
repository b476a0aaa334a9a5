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

class FakeServices final : public gateway::Submissions,
                           public gateway::JobReads,
                           public gateway::JobCommands,
                           public gateway::JobScans,
                           public gateway::JobEvents,
                           public gateway::Fleet,
                           public gateway::Lanes {
 public:
    FakeServices();
    ~FakeServices() override;

    // --- For tests ---

    // Adds a queued job of the model "m"; `change` adapts it.
    JobId put(const std::function<void(storage::JobRecord&)>& change = {});
    void change(const JobId& id, const std::function<void(storage::JobRecord&)>& change);
    // Makes the job final and notifies its watchers.
    void finish(const JobId& id, JobState state, const std::string& output_json = {});
    void notify(const JobId& id, const gateway::JobNotice& notice);

    std::vector<gateway::SubmitRequest> submitted() const;
    std::size_t watchers() const;
    std::size_t calls_held() const;

    // After hold(), answers wait; release() sends them and all later ones.
    void hold();
    void release();

    // Until cleared, calls of the kind fail with this error.
    void fail_submits(std::optional<gateway::SubmitError> error);
    void fail_reads(std::optional<Error> error);
    void refuse_watches();
    void set_ready(const gateway::Readiness& ready);
    void set_has_workers(bool has_workers) { has_workers_ = has_workers; }
    void set_lacks_worker(const std::string& model);
    storage::JobFilter last_filter() const;

    gateway::Services services() { return {*this, *this, *this, *this, *this, *this, *this}; }

    // --- The services ---
    void submit(gateway::SubmitRequest request,
                gateway::Callback<gateway::SubmitResult> done) override;
    void submit_many(std::vector<gateway::SubmitRequest> requests,
                     gateway::Callback<std::vector<gateway::SubmitResult>> done) override;
    void get(JobId id, storage::JobFields fields,
             gateway::Callback<Result<storage::JobRecord>> done) override;
    void list(storage::JobFilter filter, gateway::Callback<Result<gateway::JobList>> done) override;
    void find(std::string client_id, gateway::Callback<Result<JobId>> done) override;
    void count(storage::JobFilter filter, std::int64_t most,
               gateway::Callback<Result<std::int64_t>> done) override;
    void retry(JobId id, gateway::Callback<Result<gateway::RetryPage>> done) override;
    void retry(std::vector<JobId> ids, gateway::Callback<Result<gateway::RetryPage>> done) override;
    void retry_matching(storage::JobFilter filter,
                        gateway::Callback<Result<gateway::RetryPage>> done) override;
    void cancel(JobId id, gateway::Callback<Result<storage::JobRecord>> done) override;
    void cancel_matching(storage::JobFilter filter,
                         gateway::Callback<Result<gateway::CancelTotals>> done) override;
    std::unique_ptr<gateway::Subscription> watch(
        JobId id, gateway::Callback<const gateway::JobNotice&> notice) override;
    void lanes(gateway::Callback<Result<std::vector<storage::LaneStats>>> done) override;
    void workers(gateway::Callback<Result<std::vector<storage::WorkerRecord>>> done) override;
    void readiness(gateway::Callback<gateway::Readiness> done) override;
    const std::vector<std::string>& queues() const override;
    void model_known(std::string queue, std::string model, gateway::Callback<bool> done) override;
    std::vector<std::string> models(const std::string& queue) const override;
    bool has_worker(const std::string& queue, const std::string& model) const override;
    storage::DbTime database_now() const override;

 private:
    class Watch;
    using Task = std::function<void()>;

    void answer(Task task);
    void run(const std::stop_token& stop);
    gateway::SubmitResult accept(gateway::SubmitRequest request);  // Requires: mutex_ is held.
    gateway::RetryResult retry_one(JobId id);                      // Likewise.
    JobId next_id();                                               // Likewise.

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Task> tasks_;
    bool held_ = false;
    std::atomic<bool> has_workers_ = true;
    std::string idle_model_;  // No worker serves it.
    std::map<JobId, storage::JobRecord> jobs_;
    std::vector<gateway::SubmitRequest> submitted_;
    std::map<std::pair<storage::IdempotencyKey::Scope, std::string>,
             std::pair<JobId, std::array<std::uint8_t, 32>>>
        keys_;
    std::map<int, std::pair<JobId, gateway::Callback<const gateway::JobNotice&>>> watches_;
    int last_watch_ = 0;
    bool refuses_watches_ = false;
    std::optional<gateway::SubmitError> submit_error_;
    std::optional<Error> read_error_;
    gateway::Readiness ready_{true, true, true, {}};
    storage::JobFilter last_filter_;
    SeededRandom random_;
    UuidGenerator ids_{random_};
    runtime::Thread thread_;
};

}  // namespace millrace::test

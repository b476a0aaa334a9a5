// The gateway behind its HTTP API: the parts (parts.h) and one thread for each part's step.
//
//   thread      connection  does
//   intake      own         group commits
//   dispatch    –           publishes to the lanes
//   topics      –           makes missing topics
//   reads       own         batched reads of single jobs
//   commands    own         cancels or retries one job; workers, readiness, new models
//   scans       own         lists, counts, cancels of many, retries of many
//   lanes       own         counts the jobs of each lane
//   events      –           reads the events topic
//   probe       own         reads the jobs that have waiters
//   keeper      own         the duties
//
// Threads:   JobService calls from any; start() and stop() one caller at a time.
// Blocks:    start(), for one look at the store; stop(), until every accepted call is answered.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "producer/parts.h"

namespace millrace::gateway {

class GatewayService final : public JobService {
 public:
    GatewayService(GatewayOptions options, Surroundings given);
    ~GatewayService() override;

    // Checks the schema, registers the queues, creates partitions, then starts the threads. After
    // an error nothing runs, and it may be called again.
    Status start();
    // Refuses further calls, finishes the accepted ones and ends the threads. Idempotent; safe
    // before start().
    void stop();

    void submit(SubmitRequest request, Callback<SubmitResult> done) override;
    void submit_many(std::vector<SubmitRequest> requests,
                     Callback<std::vector<SubmitResult>> done) override;
    void get(JobId id, storage::JobFields fields,
             Callback<Result<storage::JobRecord>> done) override;
    void find(std::string client_id, Callback<Result<JobId>> done) override;
    void list(storage::JobFilter filter, Callback<Result<JobList>> done) override;
    void count(storage::JobFilter filter, std::int64_t most,
               Callback<Result<std::int64_t>> done) override;
    void retry(std::vector<JobId> ids, Callback<Result<RetryPage>> done) override;
    void retry_matching(storage::JobFilter filter, Callback<Result<RetryPage>> done) override;
    void cancel(JobId id, Callback<Result<storage::JobRecord>> done) override;
    void cancel_matching(storage::JobFilter filter, Callback<Result<CancelTotals>> done) override;
    std::unique_ptr<Subscription> watch(JobId id, Callback<const JobNotice&> notice) override;
    void lanes(Callback<Result<std::vector<storage::LaneStats>>> done) override;
    void workers(Callback<Result<std::vector<storage::WorkerRecord>>> done) override;
    void readiness(Callback<Readiness> done) override;
    std::vector<std::string> queues() const override;
    void model_known(std::string queue, std::string model, Callback<bool> done) override;
    std::vector<std::string> models(const std::string& queue) const override;
    bool has_worker(const std::string& queue, const std::string& model) const override;
    storage::DbTime database_now() const override;

 private:
    struct Threads;

    const std::unique_ptr<Parts> parts_;
    std::unique_ptr<Threads> threads_;  // Null: not running.
};

}  // namespace millrace::gateway

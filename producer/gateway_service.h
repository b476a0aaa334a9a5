// The gateway behind its HTTP API: wires intake, dispatch, queries, events and keeper, and gives
// each its thread and its connection.
//
//   thread      connection  does
//   intake      own         group commits
//   dispatch    –           publishes to the lanes
//   topics      –           makes missing topics
//   reads       own         batched reads of single jobs
//   commands    own         lists, cancels, state, new models
//   events      –           reads the events topic
//   probe       own         reads the jobs that somebody waits for
//   keeper      own         the duties
//
// Threads:   calls of JobService from any; start() and stop() one caller at a time.
// Blocks:    start(), for one look at the store; stop(), until all that was accepted is answered.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/broker/broker.h"
#include "common/storage/job_store.h"
#include "producer/dispatch/dispatcher.h"
#include "producer/intake/intake.h"
#include "producer/intake/job_service.h"
#include "producer/keeper/keeper.h"
#include "producer/query/commands.h"
#include "producer/query/job_reader.h"

namespace millrace::gateway {

struct GatewayOptions {
    std::vector<std::string> queues;
    std::vector<std::string> models;  // Known before a worker announces them.
    std::string topic_prefix = "millrace";
    int partitions = 4;
    std::size_t waiters_max = 20000;
    milliseconds probe_interval{1000};
    milliseconds topics_interval{5000};  // How often missing topics are looked for.
    milliseconds flush_timeout{2000};    // For the last messages, when stopping.
    IntakeOptions intake;
    DispatcherOptions dispatch;
    JobReaderOptions reader;
    CommandsOptions commands;
    KeeperOptions keeper;
};

// What the gateway works with; all must outlive it.
struct GatewayParts {
    const Clock& clock;
    Random& random;  // Thread-safe.
    broker::Broker& broker;
    storage::OpenStore open_store;
    std::function<Status()> check_schema;  // Called from the commands thread, and by start().
};

class GatewayService final : public JobService {
 public:
    GatewayService(GatewayOptions options, GatewayParts parts);
    ~GatewayService() override;

    // Checks the schema and registers the queues, then starts the threads. After an error nothing
    // runs and it may be called again.
    Status start();
    // Refuses further calls, finishes those that were accepted, ends the threads. Idempotent; safe
    // before start().
    void stop();

    void submit(SubmitRequest request, Callback<SubmitResult> done) override;
    void submit_many(std::vector<SubmitRequest> requests,
                     Callback<std::vector<SubmitResult>> done) override;
    void get(JobId id, storage::JobFields fields,
             Callback<Result<storage::JobRecord>> done) override;
    void list(storage::JobFilter filter,
              Callback<Result<std::pair<std::vector<storage::JobRecord>, bool>>> done) override;
    void cancel(JobId id, Callback<Result<storage::JobRecord>> done) override;
    std::unique_ptr<Subscription> watch(JobId id, Callback<const JobNotice&> notice) override;
    void lanes(Callback<Result<std::vector<storage::LaneStats>>> done) override;
    void workers(Callback<Result<std::vector<storage::WorkerRecord>>> done) override;
    void readiness(Callback<Readiness> done) override;
    std::vector<std::string> queues() const override;
    void model_known(std::string queue, std::string model, Callback<bool> done) override;
    std::vector<std::string> models(const std::string& queue) const override;
    storage::DbTime database_now() const override;

 private:
    struct Parts;
    struct Threads;

    const GatewayOptions options_;
    const GatewayParts given_;
    std::unique_ptr<Parts> parts_;
    std::unique_ptr<Threads> threads_;  // Null: not running.
};

}  // namespace millrace::gateway

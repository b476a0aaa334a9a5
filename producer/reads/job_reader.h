// Reads single jobs, by their own id or by their client id. Reads are joined: those that wait while
// one is under way form the next.
//
// Threads:   get() and close() from any; step() and run() one caller at a time, on whose thread
//            answers come.
// Errors:    of a read: kNotFound, kResourceExhausted (the queue is full), kUnavailable.
// Blocks:    step() and run(), for as long as the store takes and until the given time.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/runtime/bounded_queue.h"
#include "common/storage/job_store.h"
#include "producer/service/job_reads.h"

namespace millrace::reads {

struct JobReaderOptions {
    std::size_t batch_max = 500;         // Jobs per read.
    std::size_t payload_batch_max = 32;  // The same, if inputs or outputs are requested.
    std::size_t queue_max = 20000;       // Waiting reads; more are refused.
};

class JobReader final : public service::JobReads {
 public:
    JobReader(JobReaderOptions options, const Clock& clock, storage::JobStore& store)
        : options_(options), clock_(clock), store_(store), queue_(options.queue_max) {}

    void get(JobId id, storage::JobFields fields,
             service::Callback<Result<storage::JobRecord>> done) override;
    void find(std::string client_id, service::Callback<Result<JobId>> done) override;

    // Serves the waiting reads, `batch_max` at most; waits for one until `wait_until`. Returns
    // false if there was none.
    bool step(MonoTime wait_until = MonoTime::min());

    // Calls step() until close() was called and every read is answered.
    void run();
    // Refuses reads from now on.
    void close() { queue_.close(); }

 private:
    struct Get {
        JobId id;
        storage::JobFields fields;
        service::Callback<Result<storage::JobRecord>> done;
    };
    struct Find {
        std::string client_id;
        service::Callback<Result<JobId>> done;
    };
    using Request = std::variant<Get, Find>;

    void enqueue(Request request);
    void serve_all(std::vector<Get> requests);
    void serve(std::vector<Get> requests);
    void serve(const std::vector<Find>& requests);

    const JobReaderOptions options_;
    const Clock& clock_;
    storage::JobStore& store_;
    runtime::BoundedQueue<Request> queue_;
};

}  // namespace millrace::reads

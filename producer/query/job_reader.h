// Reads of single jobs, by their id or by their client's, joined: those that wait while one read is
// under way become the next.
//
// Threads:   get() and close() from any; step() and run() one caller at a time, from which answers
//            come.
// Errors:    of a read: kNotFound, kResourceExhausted (the queue is full), kUnavailable.
// Blocks:    step() and run(), as long as the store takes and until the given time.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/runtime/bounded_queue.h"
#include "common/storage/job_store.h"
#include "producer/intake/job_service.h"

namespace millrace::gateway {

struct JobReaderOptions {
    std::size_t batch_max = 500;         // Jobs in one read.
    std::size_t payload_batch_max = 32;  // The same, where inputs or outputs are asked for.
    std::size_t queue_max = 20000;       // Reads that wait; more are refused.
};

class JobReader {
 public:
    JobReader(JobReaderOptions options, const Clock& clock, storage::JobStore& store)
        : options_(options), clock_(clock), store_(store), queue_(options.queue_max) {}

    void get(JobId id, storage::JobFields fields, Callback<Result<storage::JobRecord>> done);
    // The job to which a client gave this id.
    void find(std::string client_id, Callback<Result<JobId>> done);

    // Reads for everyone who waits, `batch_max` at most; waits for someone until `wait_until`.
    // False: there was nobody.
    bool step(MonoTime wait_until = MonoTime::min());

    // step() until close() was called and everyone is answered.
    void run();
    // Refuses reads from now on.
    void close() { queue_.close(); }

 private:
    struct Get {
        JobId id;
        storage::JobFields fields;
        Callback<Result<storage::JobRecord>> done;
    };
    struct Find {
        std::string client_id;
        Callback<Result<JobId>> done;
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

}  // namespace millrace::gateway

// A whole worker with its threads in this process, over a store and a broker in memory. It shows
// what batching itself gains and costs, without PostgreSQL, Kafka and HTTP.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "bench/batching/curve.h"
#include "worker/schedule/batch_rule.h"

namespace millrace::bench {

class InProcess {
 public:
    InProcess(const Curve& curve, const schedule::BatchOptions& options);
    ~InProcess();

    // Runs clients that each send a job, wait until its outcome is written, and send the next;
    // client i sends inputs[i % size]. Returns the jobs a second, without the first quarter of the
    // time.
    double closed_loop(std::size_t clients, const std::vector<std::string>& inputs,
                       std::chrono::milliseconds duration);
    // Runs one job after the other, with a pause in between. Returns the median time from a job's
    // message to the write of its outcome, in milliseconds.
    double lone_ms(int jobs, std::chrono::milliseconds pause);

 private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::bench

// A whole worker with its threads in this process, over a store and a broker in memory: what
// batching itself gains and costs, without PostgreSQL, Kafka and HTTP.
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
    InProcess(const Curve& curve, const worker::BatchOptions& options);
    ~InProcess();

    // Clients who each send a job, wait until its outcome is written, and send the next; client i
    // sends inputs[i % size]. Jobs a second over the time, after a first quarter that does not
    // count.
    double closed_loop(std::size_t clients, const std::vector<std::string>& inputs,
                       std::chrono::milliseconds duration);
    // One job after the other, with a pause between: median time from its message to its outcome
    // being written, in milliseconds.
    double lone_ms(int jobs, std::chrono::milliseconds pause);

 private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::bench

// The real programs on real servers, called over HTTP: what clients see of batching.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "bench/batching/curve.h"
#include "tests/e2e/stack.h"

namespace millrace::bench {

class OverRest {
 public:
    explicit OverRest(test::BrokerKind broker);

    // Restarts the worker with this curve and these additional settings.
    void set_model(const Curve& curve, const test::Settings& settings);

    // As InProcess::closed_loop, but a client waits for its answer (Prefer: wait).
    double closed_loop(std::size_t clients, const std::vector<std::string>& inputs,
                       std::chrono::milliseconds duration);

    // The medians, in milliseconds, of one job after the other: of the whole call, and of the part
    // from the claim to the write of the outcome, by PostgreSQL's clock.
    struct Lone {
        double call = 0;
        double in_worker = 0;
    };
    Lone lone_ms(int jobs, std::chrono::milliseconds pause);

 private:
    test::Stack stack_;
    int port_;
};

}  // namespace millrace::bench

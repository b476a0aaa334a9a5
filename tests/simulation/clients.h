// The clients. They submit jobs, with and without idempotency keys, one at a time and in bulk, and
// again if an answer was lost; they wait for some jobs, and cancel some.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/gateway_process.h"
#include "tests/simulation/history.h"

namespace millrace::simulation {

class Clients {
 public:
    // `gateway` returns a gateway that serves, or null.
    Clients(World& world, History& history, const Clock& database_clock,
            std::function<std::shared_ptr<GatewayProcess>()> gateway);

    // Submits `jobs` jobs at random times within `time`.
    void submit_within(microseconds time, int jobs);

    // Nothing remains to be done or answered.
    bool are_done() const { return pending().empty(); }
    // Describes what the pending clients wait for.
    std::string pending() const;

 private:
    struct Submission {
        service::SubmitRequest request;
        bool is_over = false;
    };
    struct Call {
        std::weak_ptr<GatewayProcess> gateway;
        std::vector<int> submissions;
        bool given_up = false;
    };
    struct Wait {
        JobId job;
        std::weak_ptr<GatewayProcess> gateway;
        std::unique_ptr<service::Subscription> subscription;
        bool told = false;
    };

    service::SubmitRequest draw_request(int number);
    void send(std::vector<int> submissions);
    void heard(int call, const std::vector<service::SubmitResult>& results);
    void heard_one(int number, const service::SubmitResult& result);
    void give_up(int call);
    void in_doubt(int number);
    void send_later(int number);

    void follow(JobId job);
    void wait_for(JobId job);
    void read(int wait);
    void cancel(JobId job);

    World& world_;
    History& history_;
    const Clock& database_clock_;
    const std::function<std::shared_ptr<GatewayProcess>()> gateway_;
    std::vector<Submission> submissions_;
    std::map<int, Call> calls_;  // Not answered yet.
    std::map<int, Wait> waits_;
    int calls_so_far_ = 0;
    bool has_poison_ = false;
};

}  // namespace millrace::simulation

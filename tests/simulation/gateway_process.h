// A gateway of the simulated world: the parts of the real one behind its HTTP API, with threads
// that take their turns.
#pragma once

#include <memory>

#include "producer/app/parts.h"
#include "tests/simulation/conveyor.h"
#include "tests/simulation/database.h"
#include "tests/simulation/process.h"

namespace millrace::simulation {

class GatewayProcess : public Process {
 public:
    GatewayProcess(World& world, std::string name, Conveyor& conveyor, Database& database,
                   const Weather& weather);

    // Makes its threads; call once it is shared. It serves once it has reached the database.
    void start();
    bool serves() const { return serves_ && is_alive() && !is_paused(); }

    // --- Calls of clients; the gateway must serve ---
    void submit(std::vector<service::SubmitRequest> requests,
                service::Callback<std::vector<service::SubmitResult>> done);
    void get(JobId job, service::Callback<Result<storage::JobRecord>> done);
    void cancel(JobId job, service::Callback<Result<storage::JobRecord>> done);
    std::unique_ptr<service::Subscription> watch(JobId job, std::function<void(JobState)> ended);

 private:
    static gateway::GatewayOptions options();
    void serve();
    // The answers of a dead process reach nobody.
    template <class T>
    service::Callback<T> while_alive(service::Callback<T> done) const {
        return [this, done = std::move(done)](T answer) {
            if (is_alive()) done(std::move(answer));
        };
    }

    Client broker_;
    gateway::Parts parts_;
    ThreadId intake_ = 0;
    ThreadId reads_ = 0;
    ThreadId commands_ = 0;
    bool serves_ = false;
};

}  // namespace millrace::simulation

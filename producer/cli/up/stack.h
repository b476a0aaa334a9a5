// The parts of `millrace up` and how each is started: the services of the supervisor.
//
// Threads: one caller at a time.
// Owns:    the parts' processes, and the gateway's port.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/embedded/apache_kafka.h"
#include "common/embedded/mock_broker.h"
#include "common/embedded/private_postgres.h"
#include "common/process/port_reservation.h"
#include "producer/cli/up/interrupts.h"
#include "producer/cli/up/plan.h"
#include "producer/cli/up/program_service.h"
#include "producer/cli/up/roster.h"
#include "producer/cli/up/supervisor.h"

namespace millrace::cli::up {

class Stack {
 public:
    using Say = Supervisor::Say;

    Stack(Plan plan, std::filesystem::path data, Interrupts& interrupts, Say say);

    // Takes the gateway's port. Errors: kInvalidArgument, naming the holder if it can be found.
    Status reserve_port();

    // Creates the database's directory. Errors: what PostgreSQL objects to in it, and what to
    // change.
    Status prepare() const;

    // Starts every part in order, each once the one before is ready. When it returns, all but the
    // workers can be used. After an error the supervisor's owner stops what had started. Errors:
    // kCancelled if `interrupts` was asked to stop.
    Status start(Supervisor& supervisor);

    // Prints what the workers wait for while they are not ready, and what goes wrong later. Also
    // limits the size of logs and completes reloads. Call it a few times a second.
    void look_after();

    // Makes the workers read their settings and load their models again. `plan` is the new one.
    void reload(const Plan& plan);

    std::string url() const { return url_of(plan_.host, port_); }
    std::vector<std::string> models();
    const BackendKinds& kinds() const { return plan_.kinds; }
    // The text of the live line while everything runs.
    std::string summary();

 private:
    struct Worker {
        std::string label;  // "worker 1"
        const WorkerPlan* plan;
        std::shared_ptr<ProgramService> program;
        std::string told;  // The last text printed.
        MonoTime next_warning{};
        std::optional<MonoTime> reload_asked;  // Not passed on yet.
    };

    Status start_postgres(Supervisor& supervisor);
    Status start_broker(Supervisor& supervisor);
    Status start_gateway(Supervisor& supervisor);
    Status start_worker(Supervisor& supervisor, std::size_t number);
    Status wait_for_gateway(ProgramService& gateway) const;
    std::shared_ptr<ProgramService> program(const std::string& name, const Environment& settings,
                                            const std::string& log) const;
    bool is_ready(Worker& worker);
    void go_on_with_reload(Worker& worker);
    Error port_taken(const Error& error) const;

    const Plan plan_;
    const std::filesystem::path data_;
    Interrupts& interrupts_;
    const Say say_;
    int port_ = 0;
    std::string bootstrap_;
    std::optional<process::PortReservation> reserved_port_;
    Roster roster_;
    std::shared_ptr<ProgramService> gateway_;
    std::vector<std::unique_ptr<Worker>> workers_;
    // The supervisor's services refer to these.
    std::unique_ptr<embedded::PrivatePostgres> postgres_;
    std::unique_ptr<embedded::ApacheKafka> kafka_;
    std::unique_ptr<embedded::MockBroker> mock_broker_;
};

}  // namespace millrace::cli::up

// The parts of `millrace up` and how each is started: what the supervisor supervises.
//
// Threads: one caller at a time.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/embedded/apache_kafka.h"
#include "common/embedded/mock_broker.h"
#include "common/embedded/private_postgres.h"
#include "common/process/child_process.h"
#include "common/process/port_reservation.h"
#include "producer/cli/supervisor.h"
#include "producer/cli/up.h"

namespace millrace::cli {

// A Millrace program as a service: its settings go through the environment, so that no secret
// appears in a list of processes; its log goes to a file.
class ProgramService {
 public:
    ProgramService(std::string program, std::map<std::string, std::string> environment,
                   std::filesystem::path log)
        : program_(std::move(program)),
          environment_(std::move(environment)),
          log_(std::move(log)) {}

    Status start();
    bool running();
    std::string how_it_ended();
    void ask_to_stop();
    void stop(milliseconds grace);

 private:
    std::string program_;
    std::map<std::string, std::string> environment_;
    std::filesystem::path log_;
    std::unique_ptr<process::ChildProcess> child_;
};

class Stack {
 public:
    Stack(const UpOptions& options, std::filesystem::path data);

    // Starts every part in order, each when the one before is ready. What had started by the time
    // of an error is stopped by the supervisor's owner.
    Status start(Supervisor& supervisor);

    std::string url() const;

 private:
    Status start_postgres(Supervisor& supervisor);
    Status start_broker(Supervisor& supervisor);
    Status start_gateway(Supervisor& supervisor);
    Status start_worker(Supervisor& supervisor, int number);
    Status wait_until_ready(const std::string& path, milliseconds timeout) const;
    std::map<std::string, std::string> shared_settings() const;

    UpOptions options_;
    std::filesystem::path data_;
    int port_ = 0;
    std::string bootstrap_;
    std::optional<process::PortReservation> reserved_port_;
    // The supervisor's services refer to these.
    std::unique_ptr<embedded::PrivatePostgres> postgres_;
    std::unique_ptr<embedded::ApacheKafka> kafka_;
    std::unique_ptr<embedded::MockBroker> mock_broker_;
};

}  // namespace millrace::cli

// The real programs on real servers, which a test drives through the REST API and by signals.
//
// Every failure throws std::runtime_error with the programs' logs, which fails the test.
//
// Threads: one caller at a time.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/embedded/apache_kafka.h"
#include "common/embedded/mock_broker.h"
#include "common/http/http_client.h"
#include "common/process/child_process.h"
#include "common/process/port_reservation.h"
#include "common/process/temporary_directory.h"
#include "tests/support/postgres_fixture.h"

namespace millrace::test {

using Json = nlohmann::json;
using Settings = std::map<std::string, std::string>;  // "worker.lease_ttl" → "2s"

enum class BrokerKind { kMock, kKafka };

struct StackOptions {
    BrokerKind broker = BrokerKind::kMock;
    int gateways = 1;
    int workers = 1;
    Settings settings;  // For all programs.
    // Short leases, intervals and backoffs, and a database that does not wait for the disk, so that
    // tests need not wait either. Turn it off to measure.
    bool quick = true;
    embedded::JvmTuning kafka_tuning = embedded::JvmTuning::kFastStart;
    // A PostgreSQL of its own, which a test may kill. If the stack is not quick, it always has one.
    std::optional<embedded::PostgresOptions> postgres;
    std::vector<int> kafka_relays;  // Of Apache Kafka: see ApacheKafkaOptions.
    bool is_migrated = true;        // If false, the database is empty; see migrate().
};

// The settings of one program, in addition to those of all.
struct ProgramOptions {
    Settings settings;
    std::vector<std::string> arguments;
    std::map<std::string, std::string> environment;
    std::filesystem::path folder;  // Where the program is; empty: in this build.
};

class Stack {
 public:
    using Process = std::unique_ptr<process::ChildProcess>;

    // Returns when every gateway serves and every worker is registered.
    explicit Stack(StackOptions options = {});

    const std::string& url() const { return gateways_.at(called_gateway_)->url; }
    std::string conninfo() const { return conninfo_; }

    // --- The API ---
    // The calls throw if the status is not the expected one.
    //
    // They go to this gateway from now on; before, to the first.
    void call_gateway(std::size_t number) { called_gateway_ = number; }
    Json call(const std::string& method, const std::string& path, const Json& body = {},
              int expected_status = 200);
    std::string submit(const Json& job);
    std::vector<std::string> submit_many(const Json& jobs);
    Json job(const std::string& id);
    // The job in the answer may be final already, if its worker is fast.
    Json cancel(const std::string& id);
    // Waits for a final state, for two minutes at most.
    Json wait_until_final(const std::string& id);
    Json wait_until_status(const std::string& id, std::string_view status);

    // --- The programs ---
    // They are numbered from 0 in the order of their start. A program keeps its name, port and
    // options when it is started again.
    std::size_t start_worker(ProgramOptions options = {});
    process::ChildProcess& worker(std::size_t number) { return *workers_.at(number).process; }
    // Kills the worker if it still runs.
    void restart_worker(std::size_t number);
    void restart_worker(std::size_t number, ProgramOptions options);
    // Waits until `count` workers are alive.
    void wait_for_workers(std::size_t count);
    // Returns the number of the worker that runs the job now.
    std::size_t worker_of(const std::string& id);
    // Returns when the gateway serves.
    std::size_t start_gateway(ProgramOptions options = {});
    process::ChildProcess& gateway(std::size_t number = 0) {
        return *gateways_.at(number)->process;
    }
    int gateway_port(std::size_t number) const { return gateways_.at(number)->port.port(); }
    void restart_gateway(std::size_t number = 0);
    void restart_gateway(std::size_t number, ProgramOptions options);

    // Starts the `millrace migrate` of that folder.
    Process migrate(const std::filesystem::path& folder);

    // --- The servers ---
    embedded::PrivatePostgres& postgres() { return postgres_->server(); }  // Its own.
    embedded::ApacheKafka& kafka() { return *kafka_; }
    // The broker dies with all its content and comes back empty on the same port.
    void lose_broker();

    // The ends of all logs.
    std::string logs() const;
    // The programs' directory; PostgreSQL's own user may enter it.
    const std::filesystem::path& directory() const { return directory_.path(); }

 private:
    struct Worker {
        ProgramOptions options;
        Process process;
    };
    struct Gateway {
        ProgramOptions options;
        process::PortReservation port;
        std::string url;
        Process process;
    };

    Process start_program(const std::string& program, const ProgramOptions& options,
                          const std::string& log_name);
    void start_postgres();
    void start_broker();
    void launch_gateway(std::size_t number);
    // Throws if the status of the answer is none of these.
    Json send(const std::string& method, const std::string& path, const Json& body,
              const std::vector<int>& statuses);
    std::string bootstrap() const;

    StackOptions options_;
    std::unique_ptr<PostgresFixture> database_;        // Either this
    std::unique_ptr<PostgresServerFixture> postgres_;  // … or that.
    std::string conninfo_;
    process::TemporaryDirectory directory_;
    std::unique_ptr<embedded::MockBroker> mock_;
    std::unique_ptr<embedded::ApacheKafka> kafka_;
    http::Client http_;
    std::vector<std::unique_ptr<Gateway>> gateways_;
    std::size_t called_gateway_ = 0;
    std::vector<Worker> workers_;
};

// {"model":"synthetic","input":{"prompt":"…","synthetic":…}}
Json synthetic_job(const Json& behaviour = Json::object());

}  // namespace millrace::test

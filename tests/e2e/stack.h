// The real programs on real servers, as a test drives them: through the REST API and by signals.
//
// Every failure throws std::runtime_error with what the programs logged, which fails the test.
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
    Settings settings;  // Of all programs.
    // Short leases, intervals and backoffs, and a database that does not wait for the disk, so that
    // tests need not wait either; off for measuring.
    bool quick = true;
    embedded::JvmTuning kafka_tuning = embedded::JvmTuning::kFastStart;
    // A PostgreSQL of its own, which may be killed: always where the stack is not quick.
    std::optional<embedded::PostgresOptions> postgres;
    std::vector<int> kafka_relays;  // Of Apache Kafka: see ApacheKafkaOptions.
};

// What one program gets beside the settings of all.
struct ProgramOptions {
    Settings settings;
    std::vector<std::string> arguments;
    std::map<std::string, std::string> environment;
};

class Stack {
 public:
    // Ready when every gateway serves and every worker is registered.
    explicit Stack(StackOptions options = {});

    const std::string& url() const { return gateways_.front()->url; }
    std::string conninfo() const { return conninfo_; }

    // --- The API ---
    // Of the first gateway. An answer whose status is not the expected one throws.
    Json call(const std::string& method, const std::string& path, const Json& body = {},
              int expected_status = 200);
    std::string submit(const Json& job);
    std::vector<std::string> submit_many(const Json& jobs);
    Json job(const std::string& id);
    // The answer's job may be final already: its worker may be fast.
    Json cancel(const std::string& id);
    // Waits for a final state, at most two minutes.
    Json wait_until_final(const std::string& id);
    Json wait_until_status(const std::string& id, std::string_view status);

    // --- The programs ---
    // Numbered from 0 in the order of their start. Each keeps its name, port and options when it is
    // started again.
    std::size_t start_worker(ProgramOptions options = {});
    process::ChildProcess& worker(std::size_t number) { return *workers_.at(number).process; }
    // Kills it if it still runs.
    void restart_worker(std::size_t number);
    void restart_worker(std::size_t number, ProgramOptions options);
    // Waits until `count` workers are alive.
    void wait_for_workers(std::size_t count);
    // The number of the worker that runs the job now.
    std::size_t worker_of(const std::string& id);
    // Returns when it serves.
    std::size_t start_gateway(ProgramOptions options = {});
    process::ChildProcess& gateway(std::size_t number = 0) {
        return *gateways_.at(number)->process;
    }
    int gateway_port(std::size_t number) const { return gateways_.at(number)->port.port(); }
    void restart_gateway(std::size_t number = 0);
    void restart_gateway(std::size_t number, ProgramOptions options);

    // --- The servers ---
    embedded::PrivatePostgres& postgres() { return postgres_->server(); }  // Of its own.
    embedded::ApacheKafka& kafka() { return *kafka_; }
    // The broker dies with everything in it and comes back empty on its port.
    void lose_broker();

    // The ends of all logs.
    std::string logs() const;
    // Of the programs; PostgreSQL's own user may enter it.
    const std::filesystem::path& directory() const { return directory_.path(); }

 private:
    using Process = std::unique_ptr<process::ChildProcess>;
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
    // An answer whose status is none of these throws.
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
    std::vector<Worker> workers_;
};

// {"model":"synthetic","input":{"prompt":"…","synthetic":…}}
Json synthetic_job(const Json& behaviour = Json::object());

}  // namespace millrace::test

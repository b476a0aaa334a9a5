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
    int workers = 1;
    Settings settings;  // Of all programs.
    // Short leases, intervals and backoffs, and a database that does not wait for the disk, so that
    // tests need not wait either; off for measuring.
    bool quick = true;
    embedded::JvmTuning kafka_tuning = embedded::JvmTuning::kFastStart;
};

class Stack {
 public:
    // Ready when the API serves and every worker is registered.
    explicit Stack(StackOptions options = {});

    const std::string& url() const { return url_; }
    std::string conninfo() const { return conninfo_; }

    // --- The API ---
    // An answer whose status is not the expected one throws.
    Json call(const std::string& method, const std::string& path, const Json& body = {},
              int expected_status = 200);
    std::string submit(const Json& job);
    std::vector<std::string> submit_many(const Json& jobs);
    Json job(const std::string& id);
    // Waits for a final state, at most two minutes.
    Json wait_until_final(const std::string& id);
    Json wait_until_status(const std::string& id, std::string_view status);

    // --- The programs ---
    // Workers are numbered from 0 in the order of their start.
    std::size_t start_worker(const Settings& settings = {});
    process::ChildProcess& worker(std::size_t number) { return *workers_.at(number); }
    // Waits until `count` workers are alive.
    void wait_for_workers(std::size_t count);
    // The number of the worker that runs the job now.
    std::size_t worker_of(const std::string& id);
    process::ChildProcess& gateway() { return *gateway_; }
    void restart_gateway();
    // The broker dies with everything in it and comes back empty on its port.
    void lose_broker();

 private:
    std::unique_ptr<process::ChildProcess> start_program(const std::string& program,
                                                         const Settings& settings,
                                                         const std::string& log_name);
    void start_postgres();
    void start_broker();
    void start_gateway();
    std::string bootstrap() const;
    std::string logs() const;

    StackOptions options_;
    std::unique_ptr<PostgresFixture> database_;        // Of a quick stack.
    std::unique_ptr<PostgresServerFixture> postgres_;  // Of one that measures.
    std::string conninfo_;
    process::TemporaryDirectory directory_;
    std::unique_ptr<embedded::MockBroker> mock_;
    std::unique_ptr<embedded::ApacheKafka> kafka_;
    process::PortReservation port_;
    std::string url_;
    http::Client http_;
    std::unique_ptr<process::ChildProcess> gateway_;
    std::vector<std::unique_ptr<process::ChildProcess>> workers_;
};

// {"model":"synthetic","input":{"prompt":"…","synthetic":…}}
Json synthetic_job(const Json& behaviour = Json::object());

}  // namespace millrace::test

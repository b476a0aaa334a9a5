// Several gateways and workers on Apache Kafka and PostgreSQL of their own, with a gate on every
// connection between them, so that anything can die, stop, or be cut off.
//
//   clients ─▣─► gateway ─▣─► PostgreSQL ◄─▣─ worker
//                   └─────▣─► Kafka ◄─────▣────┘
//
// Threads:   one caller at a time; other threads may call urls().
// Errors:    every failure throws std::runtime_error with the ends of all logs.
// Blocks:    everything that waits: up to three minutes.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/chaos/clock.h"
#include "tests/chaos/database.h"
#include "tests/chaos/gate.h"
#include "tests/chaos/model_endpoint.h"
#include "tests/chaos/small_disk.h"
#include "tests/e2e/stack.h"

namespace millrace::chaos {

using Environment = std::map<std::string, std::string>;

struct SystemOptions {
    int gateways = 2;
    int workers = 3;
    test::Settings settings;
    bool stepped_clock = false;          // PostgreSQL's clock can be stepped.
    SmallDisk* postgres_disk = nullptr;  // Holds PostgreSQL's data; must outlive the system.
};

class System {
 public:
    explicit System(const SystemOptions& options = {});

    static constexpr std::chrono::seconds kLeaseTtl{3};

    std::size_t gateways() const { return gateway_gates_.size(); }
    std::size_t workers() const { return worker_gates_.size(); }
    test::Stack& stack() { return *stack_; }
    ModelEndpoint& model_endpoint() { return model_endpoint_; }
    WrongClock& postgres_clock() { return *postgres_clock_; }  // Requires: stepped_clock.
    SmallDisk* disk() const { return disk_; }
    bool has_stepped_clock() const { return postgres_clock_ != nullptr; }
    Database database() const { return Database(stack_->conninfo()); }
    std::string conninfo() const { return stack_->conninfo(); }

    // The URL of each gateway, through its gate.
    std::vector<std::string> urls() const;

    // --- Gates ---
    struct Gates {
        std::unique_ptr<Gate> clients;  // Of a gateway only.
        std::unique_ptr<Gate> postgres;
        std::unique_ptr<Gate> kafka;
    };
    Gates& gates_of_gateway(std::size_t number) { return gateway_gates_.at(number); }
    Gates& gates_of_worker(std::size_t number) { return worker_gates_.at(number); }

    // --- Programs ---
    // Each kills the program if it still runs, and returns when it serves, or is registered.
    void restart_gateway(std::size_t number, const Environment& environment = {});
    void restart_worker(std::size_t number, const Environment& environment = {});

    // --- From the database ---
    bool is_alive(std::size_t worker);
    std::int64_t incarnations(std::size_t worker);  // All incarnations of its process so far.
    // The jobs that a worker runs now.
    std::int64_t running_jobs(std::size_t worker);
    std::int64_t lost_workers();  // All that were ever lost.

    // Waits until the condition holds. It may throw while the system is broken: that counts as no.
    void await(std::string_view what, const std::function<bool()>& holds);

 private:
    test::StackOptions stack_options(const test::Settings& settings, std::vector<int> relays) const;
    test::ProgramOptions options_of(const Gates& gates, const Environment& environment) const;
    std::string settings_file() const;  // A program with such a file reads it again on SIGHUP.

    process::TemporaryDirectory sockets_;
    ModelEndpoint model_endpoint_;
    std::unique_ptr<WrongClock> postgres_clock_;
    SmallDisk* disk_;
    std::vector<Gates> gateway_gates_;
    std::vector<Gates> worker_gates_;
    std::unique_ptr<test::Stack> stack_;
};

}  // namespace millrace::chaos

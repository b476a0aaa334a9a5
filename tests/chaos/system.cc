#include "tests/chaos/system.h"

#include <fmt/format.h>

#include <fstream>
#include <stdexcept>

#include "tests/support/eventually.h"

namespace millrace::chaos {
namespace {

constexpr std::chrono::minutes kPatience{3};

// Short, so that a fault is over soon, but not so short that a busy machine looks like a fault.
const test::Settings kSettings{
    {"worker.lease_ttl", "3s"},
    {"worker.heartbeat_interval", "400ms"},
    {"worker.lease_margin", "500ms"},
    {"worker.drain_timeout", "1s"},
    {"kafka.session_timeout", "6s"},
    {"kafka.topics_interval", "500ms"},
    {"kafka.message_timeout", "3s"},
    {"postgres.statement_timeout", "6s"},
    {"backend.synthetic.enabled", "true"},  // Beside the model endpoint.
    {"backend.synthetic.faults", "true"},
    {"backend.synthetic.slots", "64"},
    {"gateway.page_size_max", "1000"},
    {"gateway.startup_timeout", "3m"},
    // A machine that stalls for a moment loses workers, and may lose one job several times in a
    // row.
    {"job.max_losses", "20"},
};

}  // namespace

test::StackOptions System::stack_options(const test::Settings& settings,
                                         std::vector<int> relays) const {
    test::StackOptions options{.broker = test::BrokerKind::kKafka,
                               .gateways = 0,
                               .workers = 0,
                               .settings = kSettings,
                               .kafka_relays = std::move(relays)};
    for (const auto& [name, value] : model_endpoint_.settings()) options.settings[name] = value;
    for (const auto& [name, value] : settings) options.settings[name] = value;
    options.postgres =
        embedded::PostgresOptions{.settings = {{"shared_buffers", "64MB"},
                                               {"min_wal_size", "32MB"},
                                               {"max_wal_size", "128MB"},
                                               {"idle_in_transaction_session_timeout", "0"}}};
    if (disk_ != nullptr) options.postgres->data_dir = disk_->path() / "pg";
    if (postgres_clock_) options.postgres->environment = postgres_clock_->environment();
    return options;
}

System::System(const SystemOptions& options)
    : sockets_(process::TemporaryDirectory::make("millrace-gates-").value()),
      postgres_clock_(options.stepped_clock ? std::make_unique<WrongClock>() : nullptr),
      disk_(options.postgres_disk) {
    std::vector<int> relays;
    const auto make_gates = [&](const std::string& name) {
        const auto directory = sockets_.path() / name;
        std::filesystem::create_directory(directory);
        Gates gates{.clients = Gate::on_free_port(),
                    .postgres = Gate::on_socket(directory / ".s.PGSQL.5432"),
                    .kafka = Gate::on_free_port()};
        relays.push_back(gates.kafka->port());
        return gates;
    };
    for (int i = 0; i < options.gateways; ++i) {
        gateway_gates_.push_back(make_gates(fmt::format("gateway-{}", i)));
    }
    for (int i = 0; i < options.workers; ++i) {
        worker_gates_.push_back(make_gates(fmt::format("worker-{}", i)));
    }
    std::ofstream(settings_file()) << "# All settings come from the environment.\n";
    stack_ = std::make_unique<test::Stack>(stack_options(options.settings, relays));
    std::size_t relay = 0;
    for (auto* side : {&gateway_gates_, &worker_gates_}) {
        for (auto& gates : *side) {
            gates.postgres->lead_to_socket(stack_->postgres().socket());
            gates.kafka->lead_to_port(stack_->kafka().relay_target(relay++));
        }
    }
    for (auto& gates : gateway_gates_) {
        const auto number = stack_->start_gateway(options_of(gates, {}));
        gates.clients->lead_to_port(stack_->gateway_port(number));
    }
    for (const auto& gates : worker_gates_) stack_->start_worker(options_of(gates, {}));
    for (std::size_t i = 0; i < workers(); ++i) {
        await("the worker is registered", [&] { return is_alive(i); });
    }
}

test::ProgramOptions System::options_of(const Gates& gates, const Environment& environment) const {
    // Each side's socket is in a folder of its own; if a conninfo has two hosts, the later counts.
    const auto index = [&](const std::vector<Gates>& side) { return &gates - side.data(); };
    const auto in_gateways = index(gateway_gates_);
    const bool is_gateway =
        in_gateways >= 0 && in_gateways < static_cast<std::ptrdiff_t>(gateway_gates_.size());
    const auto folder = is_gateway ? fmt::format("gateway-{}", in_gateways)
                                   : fmt::format("worker-{}", index(worker_gates_));
    return {.settings = {{"postgres.conninfo",
                          conninfo() + " host=" + (sockets_.path() / folder).string()},
                         {"kafka.bootstrap", fmt::format("127.0.0.1:{}", gates.kafka->port())}},
            .arguments = {"--config", settings_file()},
            .environment = environment};
}

std::string System::settings_file() const {
    return sockets_.path() / "settings.yaml";
}

std::vector<std::string> System::urls() const {
    std::vector<std::string> urls;
    for (const auto& gates : gateway_gates_) {
        urls.push_back(fmt::format("http://127.0.0.1:{}", gates.clients->port()));
    }
    return urls;
}

void System::restart_gateway(std::size_t number, const Environment& environment) {
    stack_->restart_gateway(number, options_of(gateway_gates_.at(number), environment));
}

void System::restart_worker(std::size_t number, const Environment& environment) {
    stack_->restart_worker(number, options_of(worker_gates_.at(number), environment));
    await("the worker is registered", [&] { return is_alive(number); });
}

bool System::is_alive(std::size_t worker) {
    return database().number(
               fmt::format("SELECT count(*) FROM workers WHERE pid = {} AND state = 1",
                           stack_->worker(worker).pid())) > 0;
}

std::int64_t System::incarnations(std::size_t worker) {
    return database().number(
        fmt::format("SELECT count(*) FROM workers WHERE pid = {}", stack_->worker(worker).pid()));
}

std::int64_t System::running_jobs(std::size_t worker) {
    return database().number(
        fmt::format("SELECT count(*) FROM jobs_open j JOIN workers w ON w.id = j.worker_id "
                    "WHERE j.is_active AND w.state = 1 AND w.pid = {}",
                    stack_->worker(worker).pid()));
}

std::int64_t System::lost_workers() {
    return database().number("SELECT count(*) FROM workers WHERE state = 4");
}

void System::await(std::string_view what, const std::function<bool()>& holds) {
    const auto holds_by_now = [&] {
        try {
            return holds();
        } catch (const std::exception&) {
            return false;
        }
    };
    if (test::eventually(holds_by_now, what, kPatience)) return;
    throw std::runtime_error(fmt::format("never: {}\n{}", what, stack_->logs()));
}

}  // namespace millrace::chaos

#include "producer/cli/stack.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <thread>

#include "common/http/http_client.h"
#include "common/storage/postgres/migrate.h"

namespace millrace::cli {
namespace {

constexpr milliseconds kReadyTimeout{60000};
constexpr milliseconds kProbeInterval{50};
// `up` is for one machine and one person: Ctrl-C should not take half a minute. What still runs
// then is handed back and runs again at the next start.
constexpr std::string_view kDrainTimeout = "5s";
constexpr milliseconds kStopGrace{10000};

// "gateway.port" → "MILLRACE_GATEWAY_PORT", as common/config names variables.
std::string variable_of(std::string_view setting) {
    std::string name = "MILLRACE_";
    for (const char c : setting) {
        name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return name;
}

template <class Server>
Service server_service(const std::string& name, std::unique_ptr<Server>& server,
                       std::function<Result<std::unique_ptr<Server>>()> start,
                       std::function<void(Server&)> stop) {
    return {.name = name,
            .start = [&server, start = std::move(start)]() -> Status {
                if (server) return server->restart();
                auto started = start();
                if (!started.has_value()) return started.error();
                server = *std::move(started);
                return ok();
            },
            .running = [&server] { return server->running(); },
            .how_it_ended = [] { return std::string("its process is gone"); },
            .ask_to_stop = {},
            .stop = [&server, stop = std::move(stop)] { stop(*server); }};
}

}  // namespace

Status ProgramService::start() {
    const auto program = process::find_own_program(program_);
    if (!program) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("{} was not found beside this program or on PATH", program_)};
    }
    auto child = process::ChildProcess::start(
        {.argv = {program->string()}, .env = environment_, .output_file = log_});
    if (!child.has_value()) return child.error();
    child_ = std::make_unique<process::ChildProcess>(*std::move(child));
    return ok();
}

bool ProgramService::running() {
    return child_ && child_->running();
}

std::string ProgramService::how_it_ended() {
    const auto status = child_ ? child_->wait(milliseconds(0)) : std::nullopt;
    return fmt::format("{}; its log is {}", status ? status->str() : "not started", log_.string());
}

void ProgramService::ask_to_stop() {
    if (child_) child_->send(SIGTERM);
}

void ProgramService::stop(milliseconds grace) {
    if (child_) child_->terminate(grace);
}

Stack::Stack(const UpOptions& options, std::filesystem::path data)
    : options_(options), data_(std::move(data)), port_(options.port) {}

std::string Stack::url() const {
    return fmt::format("http://127.0.0.1:{}", port_);
}

Status Stack::start(Supervisor& supervisor) {
    if (port_ == 0) {
        // A gateway that is restarted must come back where its clients know it.
        TRY(auto reserved, process::PortReservation::any());
        port_ = reserved.port();
        reserved_port_.emplace(std::move(reserved));
    }
    std::filesystem::create_directories(data_ / "logs");
    TRY_STATUS(start_postgres(supervisor));
    TRY_STATUS(start_broker(supervisor));
    TRY_STATUS(start_gateway(supervisor));
    for (int number = 1; number <= options_.workers; ++number) {
        TRY_STATUS(start_worker(supervisor, number));
    }
    return options_.workers > 0 ? wait_until_ready("/readyz", kReadyTimeout) : ok();
}

Status Stack::start_postgres(Supervisor& supervisor) {
    TRY_STATUS(supervisor.start(server_service<embedded::PrivatePostgres>(
        "PostgreSQL", postgres_,
        [this] { return embedded::PrivatePostgres::start({.data_dir = data_ / "postgres"}); },
        [](embedded::PrivatePostgres& server) { server.stop(); })));
    const auto migrated = storage::migrate_up(postgres_->conninfo());
    if (!migrated.has_value()) return migrated.error();
    return ok();
}

Status Stack::start_broker(Supervisor& supervisor) {
    if (options_.kafka) {
        TRY_STATUS(supervisor.start(server_service<embedded::ApacheKafka>(
            "Apache Kafka", kafka_,
            [this] { return embedded::ApacheKafka::start({.directory = data_ / "kafka"}); },
            [](embedded::ApacheKafka& server) { server.stop(); })));
        bootstrap_ = kafka_->bootstrap();
    } else {
        TRY_STATUS(supervisor.start(server_service<embedded::MockBroker>(
            "the broker", mock_broker_, [] { return embedded::MockBroker::start(); },
            [](embedded::MockBroker& server) { server.kill(); })));
        bootstrap_ = mock_broker_->bootstrap();
    }
    return ok();
}

std::map<std::string, std::string> Stack::shared_settings() const {
    std::map<std::string, std::string> settings{
        {"postgres.conninfo", postgres_->conninfo()},
        {"kafka.bootstrap", bootstrap_},
    };
    if (!options_.kafka) {
        // The in-memory broker answers an empty fetch only after the whole wait, holds up every
        // rebalance for the session's length, and admits nobody with a session under 3 s.
        settings["kafka.fetch_wait_max"] = "10ms";
        settings["kafka.session_timeout"] = "4s";
        settings["kafka.heartbeat_interval"] = "500ms";
    }
    return settings;
}

namespace {

// Settings of the stack, then those that the user named, as environment variables.
std::map<std::string, std::string> environment_of(
    const std::map<std::string, std::string>& settings, const std::vector<std::string>& chosen) {
    std::map<std::string, std::string> environment;
    for (const auto& [name, value] : settings) environment[variable_of(name)] = value;
    for (const auto& pair : chosen) {
        const auto equals = std::min(pair.find('='), pair.size());
        const auto value = equals < pair.size() ? pair.substr(equals + 1) : std::string();
        environment[variable_of(pair.substr(0, equals))] = value;
    }
    return environment;
}

Service program_service(const std::string& name, const std::shared_ptr<ProgramService>& program) {
    return {.name = name,
            .start = [program] { return program->start(); },
            .running = [program] { return program->running(); },
            .how_it_ended = [program] { return program->how_it_ended(); },
            .ask_to_stop = {},
            .stop = [program] { program->stop(kStopGrace); }};
}

}  // namespace

Status Stack::start_gateway(Supervisor& supervisor) {
    auto settings = shared_settings();
    settings["gateway.port"] = std::to_string(port_);
    const auto gateway = std::make_shared<ProgramService>(
        "millrace-gateway", environment_of(settings, options_.settings),
        data_ / "logs/gateway.log");
    auto service = program_service("the gateway", gateway);
    service.start = [this, gateway]() -> Status {
        TRY_STATUS(gateway->start());
        auto ready = wait_until_ready("/healthz", kReadyTimeout);
        if (!ready.has_value() && !gateway->running()) {
            return Error{ErrorCode::kUnavailable,
                         fmt::format("the gateway ended: {}", gateway->how_it_ended())};
        }
        return ready;
    };
    return supervisor.start(std::move(service));
}

Status Stack::start_worker(Supervisor& supervisor, int number) {
    auto settings = shared_settings();
    settings["worker.name"] = fmt::format("worker-{}", number);
    settings["worker.drain_timeout"] = kDrainTimeout;
    for (const auto& model : options_.models) {
        auto& paths = settings["backend.llama.model"];
        if (!paths.empty()) paths += ',';
        paths += std::filesystem::absolute(model);
    }
    if (!options_.backend_urls.empty()) {
        settings["backend.openai.url"] = fmt::format("{}", fmt::join(options_.backend_urls, ","));
    }
    if (!options_.process.empty()) {
        settings["backend.process.command"] = options_.process;
        std::ranges::replace(settings["backend.process.command"], ' ', ',');
    }
    const auto worker = std::make_shared<ProgramService>(
        "millrace-worker", environment_of(settings, options_.settings),
        data_ / fmt::format("logs/worker-{}.log", number));
    auto service = program_service(fmt::format("worker {}", number), worker);
    service.ask_to_stop = [worker] { worker->ask_to_stop(); };
    return supervisor.start(std::move(service));
}

Status Stack::wait_until_ready(const std::string& path, milliseconds timeout) const {
    http::Client client;
    const auto deadline = system_clock().now() + timeout;
    std::string last = "no answer";
    while (system_clock().now() < deadline) {
        const auto answer = client.send({.url = url() + path, .timeout = milliseconds(2000)});
        if (answer.has_value() && answer->status == 200) return ok();
        last = answer.has_value() ? answer->body : answer.error().message;
        std::this_thread::sleep_for(kProbeInterval);
    }
    return Error{ErrorCode::kDeadlineExceeded,
                 fmt::format("{}{} did not become ready within {} s: {}. The logs are in {}", url(),
                             path, timeout.count() / 1000, last, (data_ / "logs").string())};
}

}  // namespace millrace::cli

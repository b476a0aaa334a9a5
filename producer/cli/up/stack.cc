#include "producer/cli/up/stack.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "common/http/http_client.h"
#include "common/process/listeners.h"
#include "common/process/log_file.h"
#include "common/storage/postgres/migrate.h"

namespace millrace::cli::up {
namespace {

constexpr milliseconds kGatewayTimeout{60000};
constexpr milliseconds kProbeInterval{20};
constexpr milliseconds kPatience{3000};  // After this, it says what it waits for.
constexpr milliseconds kWarningPause{1000};
constexpr milliseconds kProbeTimeout{2000};
constexpr milliseconds kServerGrace{30000};
constexpr milliseconds kMoreThanDrain{10000};  // To say goodbye once all is handed back.
constexpr std::string_view kReloaded = "reloaded the settings";  // worker/app/main.cc

template <class Server>
Service server_service(const std::string& name, std::unique_ptr<Server>& server,
                       std::function<Result<std::unique_ptr<Server>>()> start,
                       std::function<void(Server&)> ask_to_stop) {
    return {.name = name,
            .start = [&server, start = std::move(start)]() -> Status {
                if (server) return server->restart();
                auto started = start();
                if (!started.has_value()) return started.error();
                server = *std::move(started);
                return ok();
            },
            .running = [&server] { return server->running(); },
            .ready = {},
            .how_it_ended = [] { return std::string("its process is gone"); },
            .ask_to_stop = [&server, ask = std::move(ask_to_stop)] { ask(*server); },
            .was_idle = {},
            .kill = [&server] { server->kill(); },
            .grace = kServerGrace};
}

Service program_service(const std::string& name, const std::shared_ptr<ProgramService>& program,
                        milliseconds drain_timeout) {
    return {.name = name,
            .start = [program] { return program->start(); },
            .running = [program] { return program->running(); },
            .ready = {},
            .how_it_ended = [program] { return program->how_it_ended(); },
            .ask_to_stop =
                [program] {
                    program->send(SIGTERM);
                    program->send(SIGCONT);  // A stopped process does not notice the other.
                },
            .was_idle = {},
            .kill = [program] { program->kill(); },
            .grace = drain_timeout + kMoreThanDrain};
}

}  // namespace

Stack::Stack(Plan plan, std::filesystem::path data, Interrupts& interrupts, Say say)
    : plan_(std::move(plan)),
      data_(std::move(data)),
      interrupts_(interrupts),
      say_(std::move(say)),
      port_(plan_.port),
      roster_(system_clock()) {}

// Keeps the port: a restarted gateway must return where its clients know it.
Status Stack::reserve_port() {
    auto reserved = port_ == 0 ? process::PortReservation::any()
                               : process::PortReservation::at(plan_.host, port_);
    if (!reserved.has_value()) return port_taken(reserved.error());
    port_ = reserved->port();
    reserved_port_.emplace(*std::move(reserved));
    return ok();
}

Error Stack::port_taken(const Error& error) const {
    std::string who = error.message;
    const auto found = process::listeners(port_);
    if (error.code == ErrorCode::kAlreadyExists) {
        who = "another program uses it";
        if (!found.empty()) {
            const auto& [pid, command, parent] = found.front();
            who =
                command == "millrace-gatewa" || command == "millrace-gateway"
                    ? fmt::format("another Millrace uses it (gateway: process {}, its parent: {})",
                                  pid, parent)
                    : fmt::format("{} uses it (process {})", command, pid);
        }
    }
    return {ErrorCode::kInvalidArgument,
            fmt::format("port {} of {} cannot be used: {}. Name another with --port, or 0 for any "
                        "free one.",
                        port_, plan_.host, who)};
}

Status Stack::prepare() const {
    return embedded::PrivatePostgres::prepare(data_ / "postgres");
}

Status Stack::start(Supervisor& supervisor) {
    TRY_STATUS(start_postgres(supervisor));
    TRY_STATUS(start_broker(supervisor));
    TRY_STATUS(start_gateway(supervisor));
    roster_.look_at(url());
    for (std::size_t i = 0; i < plan_.workers.size(); ++i) TRY_STATUS(start_worker(supervisor, i));
    return ok();
}

Status Stack::start_postgres(Supervisor& supervisor) {
    TRY_STATUS(supervisor.start(server_service<embedded::PrivatePostgres>(
        "PostgreSQL", postgres_,
        [this] {
            return embedded::PrivatePostgres::start(
                {.data_dir = data_ / "postgres", .give_up = interrupts_.stop()});
        },
        [](embedded::PrivatePostgres& server) { server.ask_to_stop(); })));
    const auto migrated = storage::postgres::migrate_up(postgres_->conninfo());
    if (!migrated.has_value()) return migrated.error();
    return ok();
}

Status Stack::start_broker(Supervisor& supervisor) {
    if (plan_.kafka) {
        TRY_STATUS(supervisor.start(server_service<embedded::ApacheKafka>(
            "Apache Kafka", kafka_,
            [this] {
                return embedded::ApacheKafka::start(
                    {.directory = data_ / "kafka", .give_up = interrupts_.stop()});
            },
            [](embedded::ApacheKafka& server) { server.ask_to_stop(); })));
        bootstrap_ = kafka_->bootstrap();
    } else {
        TRY_STATUS(supervisor.start(server_service<embedded::MockBroker>(
            "the broker", mock_broker_,
            [this] { return embedded::MockBroker::start({.give_up = interrupts_.stop()}); },
            // It stores nothing, so there is nothing to wait for.
            [](embedded::MockBroker& server) { server.kill(); })));
        bootstrap_ = mock_broker_->bootstrap();
    }
    return ok();
}

std::shared_ptr<ProgramService> Stack::program(const std::string& name, const Environment& settings,
                                               const std::string& log) const {
    auto environment = settings;
    environment["MILLRACE_POSTGRES_CONNINFO"] = postgres_->conninfo();
    environment["MILLRACE_KAFKA_BOOTSTRAP"] = bootstrap_;
    std::vector<std::string> arguments;
    if (!plan_.config_file.empty()) arguments = {"--config", plan_.config_file};
    return std::make_shared<ProgramService>(name, std::move(arguments), std::move(environment),
                                            data_ / "logs" / (log + ".log"));
}

Status Stack::start_gateway(Supervisor& supervisor) {
    auto settings = plan_.settings;
    settings["MILLRACE_GATEWAY_PORT"] = std::to_string(port_);
    gateway_ = program("millrace-gateway", settings, "gateway");
    auto service = program_service("the gateway", gateway_,
                                   plan_.gateway.get<config::Setting::kGatewayDrainTimeout>());
    service.start = [this]() -> Status {
        TRY_STATUS(gateway_->start());
        return wait_for_gateway(*gateway_);
    };
    return supervisor.start(std::move(service));
}

// Waits for the gateway's own answer: another program on this port is not taken for it.
Status Stack::wait_for_gateway(ProgramService& gateway) const {
    http::Client client;
    const auto deadline = system_clock().now() + kGatewayTimeout;
    const auto is_its_own = [&] {
        const auto found = process::listeners(port_);
        return found.empty() || std::ranges::any_of(found, [&](const auto& listener) {
                   return listener.pid == gateway.pid();
               });
    };
    std::string last = "no answer";
    auto tell_at = system_clock().now() + kPatience;
    while (system_clock().now() < deadline) {
        if (system_clock().now() >= tell_at) {
            say_("waiting for the gateway: " + last);
            tell_at = deadline;
        }
        if (interrupts_.stop().stop_requested()) {
            return Error{ErrorCode::kCancelled, "stopped while the gateway was starting"};
        }
        if (!gateway.running()) {
            return Error{ErrorCode::kUnavailable,
                         "the gateway did not start: " + gateway.how_it_ended()};
        }
        const auto answer = client.send({.url = url() + "/healthz", .timeout = kProbeTimeout});
        if (answer.has_value() && answer->status == 200 && is_its_own()) return ok();
        last = answer.has_value() ? answer->body : answer.error().message;
        interrupts_.wait(kProbeInterval);
    }
    gateway.kill();
    return Error{ErrorCode::kUnavailable,
                 fmt::format("the gateway did not answer within {} s: {}. The logs are in {}",
                             kGatewayTimeout.count() / 1000, last, (data_ / "logs").string())};
}

Status Stack::start_worker(Supervisor& supervisor, std::size_t number) {
    const auto& plan = plan_.workers[number];
    workers_.push_back(std::make_unique<Worker>(
        Worker{.label = fmt::format("worker {}", number + 1),
               .plan = &plan,
               .program = program("millrace-worker", plan.settings, plan.name)}));
    auto& worker = *workers_.back();
    auto service = program_service(worker.label, worker.program, plan.drain_timeout);
    service.stops_early = true;
    service.was_idle = [this, &worker](MonoTime asked) {
        return roster_.lacked(worker.program->pid(), worker.program->started_at(), asked);
    };
    service.ready = [this, &worker] { return is_ready(worker); };
    TRY_STATUS(supervisor.start(std::move(service)));
    if (!plan.tasks.empty()) {
        worker.told = fmt::format("{}", fmt::join(plan.tasks, ", "));
        say_(fmt::format("{} is {}", worker.label, worker.told));
    }
    return ok();
}

bool Stack::is_ready(Worker& worker) {
    const auto* models = roster_.models_of(worker.program->pid(), worker.program->started_at());
    return models != nullptr && models->size() >= worker.plan->models_min;
}

// A worker that still loads its models has taken no job and ignores signals, so it is restarted.
void Stack::go_on_with_reload(Worker& worker) {
    auto& program = *worker.program;
    if (!worker.reload_asked) return;
    if (roster_.has(program.pid(), program.started_at())) {
        program.send(SIGHUP);
    } else if (!roster_.lacked(program.pid(), program.started_at(), *worker.reload_asked)) {
        return;
    } else if (const auto started = program.start(); !started.has_value()) {
        say_(fmt::format("{}: {}", worker.label, started.error().message));
    }
    worker.reload_asked.reset();
}

void Stack::look_after() {
    gateway_->news();  // Only limits the log; the lines that concern people come from the workers.
    process::bound_log(data_ / "postgres.log");
    process::bound_log(data_ / "kafka" / "kafka.log");
    for (auto& worker : workers_) {
        go_on_with_reload(*worker);
        for (const auto& line : worker->program->news()) {
            using Level = LogLine::Level;
            const bool concerns = line.level == Level::kError || line.level == Level::kWarning ||
                                  (line.level == Level::kInfo && line.text == kReloaded);
            if (!concerns || line.text == worker->told) continue;
            // A worker in trouble may print many warnings; all of them are in its log.
            const auto now = system_clock().now();
            if (line.level == Level::kWarning && now < worker->next_warning) continue;
            worker->next_warning = now + kWarningPause;
            worker->told = line.text;
            say_(fmt::format("{}: {}", worker->label, line.text));
        }
    }
}

void Stack::reload(const Plan& plan) {
    const auto changed = changed_for_gateway(plan_, plan);
    if (!changed.empty()) {
        say_(fmt::format("the gateway applies these when `up` is started again: {}",
                         fmt::join(changed, ", ")));
    }
    for (auto& worker : workers_) {
        worker->told.clear();
        worker->reload_asked = system_clock().now();
        go_on_with_reload(*worker);
    }
    say_("the workers are reloading their settings and models");
}

std::vector<std::string> Stack::models() {
    std::set<std::string> all;
    for (auto& worker : workers_) {
        const auto* models =
            roster_.models_of(worker->program->pid(), worker->program->started_at());
        if (models != nullptr) all.insert(models->begin(), models->end());
    }
    return {all.begin(), all.end()};
}

std::string Stack::summary() {
    const auto alive = std::ranges::count_if(workers_, [this](const auto& worker) {
        return worker->program->running() &&
               roster_.models_of(worker->program->pid(), worker->program->started_at()) != nullptr;
    });
    return roster_.summary(static_cast<std::size_t>(alive));
}

}  // namespace millrace::cli::up

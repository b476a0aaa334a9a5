#include "tests/e2e/stack.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <type_traits>

#include "common/process/program.h"
#include "common/storage/postgres/migrate.h"
#include "tests/support/eventually.h"

namespace millrace::test {
namespace {

constexpr std::chrono::minutes kPatience{2};

const Settings kQuick{{"worker.heartbeat_interval", "300ms"}, {"worker.lease_ttl", "2s"},
                      {"worker.lease_margin", "300ms"},       {"worker.steal_interval", "500ms"},
                      {"keeper.interval", "200ms"},           {"job.backoff_base", "100ms"},
                      {"backend.synthetic.faults", "true"}};

template <class T>
T value_or_throw(Result<T> result) {
    if (!result.has_value()) throw std::runtime_error(to_string(result.error()));
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

std::string variable_of(const std::string& setting) {
    std::string name = "MILLRACE_";
    for (const char c : setting) {
        name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return name;
}

bool is_final(const std::string& status) {
    return status == "completed" || status == "failed" || status == "cancelled" ||
           status == "expired";
}

}  // namespace

Stack::Stack(StackOptions options)
    : options_(std::move(options)),
      directory_(value_or_throw(process::TemporaryDirectory::make("millrace-e2e-"))) {
    start_postgres();
    start_broker();
    for (int i = 0; i < options_.gateways; ++i) start_gateway();
    for (int i = 0; i < options_.workers; ++i) start_worker();
    if (options_.workers > 0) wait_for_workers(static_cast<std::size_t>(options_.workers));
}

void Stack::start_postgres() {
    if (options_.quick && !options_.postgres) {
        database_ = std::make_unique<PostgresFixture>();
        conninfo_ = database_->conninfo();
    } else {
        postgres_ = std::make_unique<PostgresServerFixture>(
            options_.postgres.value_or(embedded::PostgresOptions{}));
        conninfo_ = postgres_->conninfo();
    }
    if (options_.is_migrated) value_or_throw(storage::postgres::migrate_up(conninfo_));
}

void Stack::start_broker() {
    if (options_.broker == BrokerKind::kKafka) {
        kafka_ =
            value_or_throw(embedded::ApacheKafka::start({.directory = directory_.path() / "kafka",
                                                         .tuning = options_.kafka_tuning,
                                                         .relays = options_.kafka_relays}));
    } else {
        mock_ = value_or_throw(embedded::MockBroker::start());
    }
}

std::string Stack::bootstrap() const {
    return kafka_ ? kafka_->bootstrap() : mock_->bootstrap();
}

Stack::Process Stack::start_program(const std::string& program, const ProgramOptions& options,
                                    const std::string& log_name) {
    const auto path = options.folder.empty()
                          ? process::find_own_program(program)
                          : process::find_program((options.folder / program).string());
    if (!path) throw std::runtime_error(program + " is not built");
    Settings all{{"postgres.conninfo", conninfo()}, {"kafka.bootstrap", bootstrap()}};
    if (options_.quick) all.insert(kQuick.begin(), kQuick.end());
    if (options_.broker == BrokerKind::kMock) {
        all["kafka.fetch_wait_max"] = "10ms";
        all["kafka.session_timeout"] = "4s";
        all["kafka.heartbeat_interval"] = "500ms";
    }
    for (const auto& [name, value] : options_.settings) all[name] = value;
    for (const auto& [name, value] : options.settings) all[name] = value;
    auto environment = options.environment;
    for (const auto& [name, value] : all) environment[variable_of(name)] = value;
    std::vector<std::string> argv{path->string()};
    argv.insert(argv.end(), options.arguments.begin(), options.arguments.end());
    return std::make_unique<process::ChildProcess>(value_or_throw(
        process::ChildProcess::start({.argv = std::move(argv),
                                      .env = environment,
                                      .output_file = directory_.path() / (log_name + ".log")})));
}

std::size_t Stack::start_gateway(ProgramOptions options) {
    auto port = value_or_throw(process::PortReservation::any());
    auto url = fmt::format("http://127.0.0.1:{}", port.port());
    options.settings["gateway.port"] = std::to_string(port.port());
    gateways_.push_back(std::make_unique<Gateway>(
        Gateway{std::move(options), std::move(port), std::move(url), nullptr}));
    launch_gateway(gateways_.size() - 1);
    return gateways_.size() - 1;
}

void Stack::launch_gateway(std::size_t number) {
    auto& gateway = *gateways_.at(number);
    gateway.process =
        start_program("millrace-gateway", gateway.options, fmt::format("gateway-{}", number));
    bool serving = false;
    const auto serves_or_ended = [&] {
        if (!gateway.process->running()) return true;
        const auto answer =
            http_.send({.url = gateway.url + "/healthz", .timeout = milliseconds(5000)});
        serving = answer.has_value() && answer->status == 200;
        return serving;
    };
    if (!eventually(serves_or_ended, "the gateway serves", kPatience) || !serving) {
        throw std::runtime_error("the gateway does not serve\n" + logs());
    }
}

void Stack::restart_gateway(std::size_t number) {
    gateway(number).kill();
    launch_gateway(number);
}

void Stack::restart_gateway(std::size_t number, ProgramOptions options) {
    auto& kept = gateways_.at(number)->options;
    options.settings["gateway.port"] = kept.settings.at("gateway.port");
    kept = std::move(options);
    restart_gateway(number);
}

void Stack::lose_broker() {
    if (kafka_) {
        kafka_->kill();
        value_or_throw(kafka_->wipe_and_restart());
    } else {
        mock_->kill();
        value_or_throw(mock_->restart());
    }
}

std::size_t Stack::start_worker(ProgramOptions options) {
    workers_.emplace_back();
    restart_worker(workers_.size() - 1, std::move(options));
    return workers_.size() - 1;
}

void Stack::restart_worker(std::size_t number) {
    restart_worker(number, workers_.at(number).options);
}

void Stack::restart_worker(std::size_t number, ProgramOptions options) {
    const auto name = fmt::format("worker-{}", number);
    options.settings["worker.name"] = name;
    auto& worker = workers_.at(number);
    worker.process.reset();
    worker.options = std::move(options);
    worker.process = start_program("millrace-worker", worker.options, name);
}

Stack::Process Stack::migrate(const std::filesystem::path& folder) {
    return std::make_unique<process::ChildProcess>(value_or_throw(
        process::ChildProcess::start({.argv = {(folder / "millrace").string(), "migrate"},
                                      .env = {{"MILLRACE_POSTGRES_CONNINFO", conninfo()}},
                                      .output_file = directory_.path() / "migrate.log"})));
}

void Stack::wait_for_workers(std::size_t count) {
    const auto alive = [&] {
        std::size_t found = 0;
        const auto workers = call("GET", "/v1/workers");
        for (const auto& worker : workers["data"]) {
            found += worker["state"] == "alive" ? 1 : 0;
        }
        return found >= count;
    };
    if (!eventually(alive, "workers are alive", kPatience)) {
        throw std::runtime_error("not every worker came up\n" + logs());
    }
}

std::size_t Stack::worker_of(const std::string& id) {
    const auto worker = job(id)["worker"]["name"].get<std::string>();
    return std::stoul(worker.substr(worker.find('-') + 1));
}

Json Stack::send(const std::string& method, const std::string& path, const Json& body,
                 const std::vector<int>& statuses) {
    http::Request request{.method = method, .url = url() + path, .timeout = milliseconds(60000)};
    if (!body.is_null()) {
        request.body = body.dump();
        request.headers.push_back("Content-Type: application/json");
    }
    const auto answer = value_or_throw(http_.send(request));
    if (std::find(statuses.begin(), statuses.end(), answer.status) == statuses.end()) {
        throw std::runtime_error(fmt::format("{} {} answered {}, not {}: {}\n{}", method, path,
                                             answer.status, fmt::join(statuses, " or "),
                                             answer.body, logs()));
    }
    return Json::parse(answer.body, nullptr, false);
}

Json Stack::call(const std::string& method, const std::string& path, const Json& body,
                 int expected_status) {
    return send(method, path, body, {expected_status});
}

Json Stack::cancel(const std::string& id) {
    return send("POST", "/v1/jobs/" + id + "/cancel", Json(), {200, 202});
}

std::string Stack::submit(const Json& job) {
    return call("POST", "/v1/jobs", job, 202)["id"].get<std::string>();
}

std::vector<std::string> Stack::submit_many(const Json& jobs) {
    std::vector<std::string> ids;
    const auto reply = call("POST", "/v1/jobs:batch", {{"jobs", jobs}}, 202);
    for (const auto& job : reply["data"]) {
        ids.push_back(job.at("id").get<std::string>());
    }
    return ids;
}

Json Stack::job(const std::string& id) {
    return call("GET", "/v1/jobs/" + id + "?include=output");
}

Json Stack::wait_until_final(const std::string& id) {
    Json seen;
    const auto done = [&] {
        seen = job(id);
        return is_final(seen["status"].get<std::string>());
    };
    if (!eventually(done, "the job is final", kPatience)) {
        throw std::runtime_error("not final: " + seen.dump() + "\n" + logs());
    }
    return seen;
}

Json Stack::wait_until_status(const std::string& id, std::string_view status) {
    Json seen;
    const auto reached = [&] {
        seen = job(id);
        return seen["status"] == status;
    };
    if (!eventually(reached, status, kPatience)) {
        throw std::runtime_error(fmt::format("not {}: {}\n{}", status, seen.dump(), logs()));
    }
    return seen;
}

std::string Stack::logs() const {
    std::string all;
    for (const auto& file : std::filesystem::directory_iterator(directory_.path())) {
        if (!file.is_regular_file()) continue;
        std::ifstream stream(file.path());
        const std::string text(std::istreambuf_iterator<char>(stream), {});
        constexpr std::size_t kTail = 3000;
        const auto from = text.size() > kTail ? text.size() - kTail : 0;
        all += fmt::format("--- {}\n{}\n", file.path().filename().string(), text.substr(from));
    }
    return all;
}

Json synthetic_job(const Json& behaviour) {
    return {{"model", "synthetic"}, {"input", {{"prompt", "hello"}, {"synthetic", behaviour}}}};
}

}  // namespace millrace::test

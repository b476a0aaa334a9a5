#include "producer/cli/up/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <set>

#include "common/base/text.h"
#include "common/config/sources.h"
#include "common/config/value.h"
#include "producer/cli/up/shell_words.h"
#include "worker/backends/gguf.h"

namespace millrace::cli::up {
namespace {

namespace fs = std::filesystem;
using config::Config;
using config::Setting;

// `up` is for one machine and one person: Ctrl-C should not take half a minute. Jobs that still run
// after this time are handed back and run again at the next start.
constexpr std::string_view kDrainTimeout = "5s";

// Settings that the stack decides itself: a value from elsewhere would lead to another system's
// data.
constexpr std::array kOwn{Setting::kPostgresConninfo, Setting::kKafkaBootstrap,
                          Setting::kWorkerName};

// The in-memory broker answers an empty fetch only after the whole wait, delays every rebalance by
// the session timeout, and rejects a session timeout under 3 s. Until a consumer has joined its
// group, a few seconds after its start, jobs come only by stealing.
constexpr std::array<std::pair<Setting, std::string_view>, 6> kForTheMockBroker{
    {{Setting::kKafkaFetchWaitMax, "10ms"},
     {Setting::kKafkaSessionTimeout, "4s"},
     {Setting::kKafkaHeartbeatInterval, "500ms"},
     {Setting::kKeeperHintInterval, "100ms"},
     {Setting::kWorkerStealInterval, "200ms"},
     {Setting::kWorkerStealMargin, "50ms"}}};

// The sources of the settings, and what each program makes of them.
struct Settings {
    config::Sources sources;
    Config gateway;
    Config worker;
};

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = std::min(text.find('\n', begin), text.size());
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

// Reports a problem that both programs have only once.
Result<Settings> load(config::Sources sources) {
    auto gateway = config::load(config::Program::kGateway, sources);
    auto worker = config::load(config::Program::kWorker, sources);
    if (gateway.has_value() && worker.has_value()) {
        return Settings{std::move(sources), *std::move(gateway), *std::move(worker)};
    }
    std::vector<std::string> problems;
    for (const auto* loaded : {&gateway, &worker}) {
        if (loaded->has_value()) continue;
        for (auto& line : lines_of(loaded->error().message)) {
            if (std::ranges::find(problems, line) == problems.end()) {
                problems.push_back(std::move(line));
            }
        }
    }
    return invalid(fmt::format("{}", fmt::join(problems, "\n")));
}

Status check_file(const std::string& path) {
    std::error_code error;
    // The programs read it, and again at a reload; a pipe can be read only once.
    if (path.empty() || fs::is_regular_file(path, error)) return ok();
    return invalid(fmt::format("--config {}: {}", path,
                               error ? error.message() : std::string("it is not a regular file")));
}

std::string given(Setting setting, const std::string& value) {
    return fmt::format("{}={}", config::info(setting).name, value);
}

// The command line as settings, in order of increasing precedence.
Result<std::vector<std::string>> assignments_of(const UpOptions& options) {
    std::vector<std::string> result;
    for (const auto& model : options.models) {
        const auto fine = backends::check_gguf(model);
        if (!fine.has_value()) return invalid(fine.error().message);
        const auto path = fs::absolute(model).lexically_normal().string();
        result.push_back(given(Setting::kBackendLlamaModel, config::list_text({path})));
    }
    for (const auto& url : options.backend_urls) {
        result.push_back(given(Setting::kBackendOpenaiUrl, url));
    }
    result.insert(result.end(), options.settings.begin(), options.settings.end());
    if (!options.port) return result;
    const auto port = given(Setting::kGatewayPort, std::to_string(*options.port));
    const auto name = fmt::format("{}=", config::info(Setting::kGatewayPort).name);
    for (const auto& setting : options.settings) {
        if (setting.starts_with(name) && setting != port) {
            return invalid(fmt::format("--port {} and --set {} contradict each other",
                                       *options.port, setting));
        }
    }
    result.push_back(port);
    return result;
}

Status check_own(const UpOptions& options) {
    for (const auto& pair : options.settings) {
        const auto name = pair.substr(0, pair.find('='));
        for (const auto own : kOwn) {
            if (config::info(own).name != name) continue;
            return invalid(
                fmt::format("--set {}: `up` sets that itself; to use your own PostgreSQL or Kafka, "
                            "start millrace-gateway and millrace-worker",
                            name));
        }
    }
    return ok();
}

std::vector<std::string> notes_of(const Settings& settings) {
    std::vector<std::string> notes;
    for (const auto own : kOwn) {
        const auto& config = own == Setting::kWorkerName ? settings.worker : settings.gateway;
        if (config.origin(own) == "default") continue;
        notes.push_back(fmt::format("{} (from {}) is not used: `up` sets that itself",
                                    config::info(own).name, config.origin(own)));
    }
    return notes;
}

Environment variables_of(const std::vector<std::string>& assignments) {
    Environment variables;
    for (const auto& [name, text, _] : config::read_assignments(assignments).assignments) {
        variables[config::variable_name(name)] = text;
    }
    return variables;
}

void put(Environment& variables, Setting setting, const std::string& value) {
    variables[config::variable_name(config::info(setting).name)] = value;
}

bool is_plain_name(std::string_view name) {
    const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
    return !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
           std::ranges::all_of(name, fits);
}

// The environment for a program that runs jobs: all but Millrace's own settings, which may be
// secrets. PostgreSQL's variables are kept from Millrace's programs (they would lead them to
// another server), so they are passed on by value in the setting.
std::string environment_of_programs(const Environment& environment, const Settings& settings) {
    std::vector<std::string> entries;
    for (const auto& [name, value] : environment) {
        if (!is_plain_name(name) || name.starts_with("MILLRACE_")) continue;
        entries.push_back(name.starts_with("PG") ? fmt::format("{}={}", name, value) : name);
    }
    const auto& chosen = settings.worker.get<Setting::kBackendProcessEnvironment>();
    entries.insert(entries.end(), chosen.begin(), chosen.end());
    return config::list_text(entries);
}

// The URL without its options after a semicolon, and without a password, which must not be shown.
std::string address_of(std::string url) {
    url = url.substr(0, url.find(';'));
    const auto scheme = url.find("://");
    const auto host = scheme == std::string::npos ? 0 : scheme + 3;
    const auto user_end = url.rfind('@', url.find('/', host));
    if (user_end != std::string::npos && user_end >= host) url.erase(host, user_end + 1 - host);
    return url;
}

// `typed` is the command as it was given, because its variables may be secrets; empty if the
// command comes from the settings.
std::vector<std::string> tasks_of(const Config& config, const std::string& typed) {
    std::vector<std::string> tasks;
    for (const auto& path : config.get<Setting::kBackendLlamaModel>()) {
        tasks.push_back("loading the model " + fs::path(path).filename().string());
    }
    const auto ask = [&](const std::vector<std::string>& urls) {
        for (const auto& url : urls) tasks.push_back("asking " + address_of(url));
    };
    ask(config.get<Setting::kBackendOpenaiUrl>());
    ask(config.get<Setting::kBackendOipUrl>());
    if (!typed.empty()) {
        tasks.push_back("starting " + typed);
        return tasks;
    }
    std::string command;
    for (const auto& word : config.get<Setting::kBackendProcessCommand>()) {
        command += (command.empty() ? "" : " ") + shell_quoted(word);
    }
    if (!command.empty()) tasks.push_back("starting " + command);
    return tasks;
}

BackendKinds kinds_of(const Config& config, bool has_programs) {
    return {.prompts = has_programs || !config.get<Setting::kBackendLlamaModel>().empty() ||
                       !config.get<Setting::kBackendProcessCommand>().empty(),
            .chats = !config.get<Setting::kBackendOpenaiUrl>().empty(),
            .tensors = !config.get<Setting::kBackendOipUrl>().empty()};
}

// Limits a worker to its additional program, as another worker already runs everything else.
void keep_to_its_program(Environment& variables) {
    put(variables, Setting::kBackendSyntheticEnabled, "false");
    put(variables, Setting::kBackendLlamaModel, "");
    put(variables, Setting::kBackendOpenaiUrl, "");
    put(variables, Setting::kBackendOipUrl, "");
}

Result<WorkerPlan> plan_worker(const Settings& settings, Environment variables, std::size_t number,
                               const std::string& typed, const Environment& environment) {
    WorkerPlan plan{.name = fmt::format("worker-{}", number), .tasks = {}, .settings = {}};
    put(variables, Setting::kWorkerName, plan.name);
    if (settings.worker.origin(Setting::kWorkerDrainTimeout) == "default") {
        put(variables, Setting::kWorkerDrainTimeout, std::string(kDrainTimeout));
    }
    auto sources = settings.sources;
    sources.assignments.clear();
    sources.environment.clear();
    auto seen = variables;  // `variables` override the environment.
    seen.insert(environment.begin(), environment.end());
    for (const auto& [name, value] : seen) {
        sources.environment.push_back(fmt::format("{}={}", name, value));
    }
    TRY(const auto config, config::load(config::Program::kWorker, sources));
    if (!config.get<Setting::kBackendProcessCommand>().empty()) {
        put(variables, Setting::kBackendProcessEnvironment,
            environment_of_programs(environment, settings));
    }
    plan.drain_timeout = config.get<Setting::kWorkerDrainTimeout>();
    plan.tasks = tasks_of(config, typed);
    const auto& synthetic = config.get<Setting::kBackendSyntheticEnabled>();
    const bool has_synthetic = synthetic == "auto" ? plan.tasks.empty() : synthetic == "true";
    plan.models_min = (has_synthetic ? 1 : 0) + (plan.tasks.empty() ? 0 : 1);
    plan.settings = std::move(variables);
    return plan;
}

Result<std::vector<std::string>> commands_of(const UpOptions& options) {
    std::vector<std::string> commands;
    for (const auto& process : options.processes) {
        auto words = shell_words(process);
        if (!words.has_value()) {
            return invalid(fmt::format("--process \"{}\": {}", process, words.error().message));
        }
        commands.push_back(config::list_text(*words));
    }
    return commands;
}

Status plan_workers(Plan& plan, const UpOptions& options, const Settings& settings,
                    const Environment& environment) {
    TRY(const auto commands, commands_of(options));
    for (int round = 0; round < options.workers; ++round) {
        for (std::size_t i = 0; i == 0 || i < commands.size(); ++i) {
            auto variables = plan.settings;
            if (i > 0) keep_to_its_program(variables);
            if (!commands.empty()) put(variables, Setting::kBackendProcessCommand, commands[i]);
            TRY(auto worker,
                plan_worker(settings, std::move(variables), plan.workers.size() + 1,
                            commands.empty() ? "" : options.processes[i], environment));
            plan.workers.push_back(std::move(worker));
        }
    }
    return ok();
}

}  // namespace

Result<Plan> make_plan(const UpOptions& options, const Environment& environment) {
    TRY_STATUS(check_file(options.config));
    TRY_STATUS(check_own(options));
    config::Sources sources;
    if (!options.config.empty()) sources.file = fs::absolute(options.config).string();
    for (const auto& [name, value] : environment) {
        sources.environment.push_back(fmt::format("{}={}", name, value));
    }
    TRY(sources.assignments, assignments_of(options));
    TRY(const auto settings, load(std::move(sources)));

    Plan plan{.host = std::string(without_brackets(settings.gateway.get<Setting::kGatewayHost>())),
              .port = settings.gateway.integer<Setting::kGatewayPort>(),
              .config_file = settings.sources.file,
              .settings = variables_of(settings.sources.assignments),
              .workers = {},
              .kinds = kinds_of(settings.worker, !options.processes.empty()),
              .notes = notes_of(settings),
              .kafka = options.kafka,
              .gateway = settings.gateway};
    for (const auto& [setting, value] : kForTheMockBroker) {
        const bool is_chosen = settings.worker.origin(setting) != "default";
        if (!options.kafka && !is_chosen) put(plan.settings, setting, std::string(value));
    }
    TRY_STATUS(plan_workers(plan, options, settings, environment));
    return plan;
}

std::vector<std::string> changed_for_gateway(const Plan& before, const Plan& now) {
    std::vector<std::string> changed;
    for (const auto& row : config::kSettings) {
        if (config::is_used_by(row, config::Program::kGateway) &&
            before.gateway.value(row.setting) != now.gateway.value(row.setting)) {
            changed.emplace_back(row.name);
        }
    }
    return changed;
}

std::string url_of(const std::string& host, int port) {
    std::string address = host;
    if (host == "0.0.0.0") address = "127.0.0.1";
    if (host == "::" || host == "::0") address = "::1";
    if (address.find(':') != std::string::npos) address = fmt::format("[{}]", address);
    return fmt::format("http://{}:{}", address, port);
}

}  // namespace millrace::cli::up

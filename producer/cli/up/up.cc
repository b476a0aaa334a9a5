#include "producer/cli/up/up.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "common/process/init_process.h"
#include "common/process/program.h"
#include "producer/cli/exit_code.h"
#include "producer/cli/up/data_directory.h"
#include "producer/cli/up/interrupts.h"
#include "producer/cli/up/live_status.h"
#include "producer/cli/up/plan.h"
#include "producer/cli/up/preflight.h"
#include "producer/cli/up/shell_words.h"
#include "producer/cli/up/stack.h"
#include "producer/cli/up/supervisor.h"
#include "producer/cli/up/welcome.h"

namespace millrace::cli::up {
namespace {

constexpr milliseconds kWatchInterval{100};
constexpr std::string_view kDefaultUrl = "http://127.0.0.1:8080";

// For errors that keep `up` from starting anything.
int refuse(const Error& error) {
    if (error.code == ErrorCode::kCancelled) return kOk;
    fail(error);
    return kUsage;
}

int fail_to_start(const Error& error) {
    fail(error);
    return kFailure;
}

// PGHOST and its like would lead this process and the programs to another PostgreSQL than the
// private one.
Environment take_environment() {
    auto environment = process::environment_without("");
    for (const auto& [name, value] : environment) {
        if (name.starts_with("PG")) ::unsetenv(name.c_str());
    }
    return environment;
}

std::string first_line(const Plan& plan, const std::filesystem::path& data) {
    const auto count = plan.workers.size();
    return fmt::format("starting PostgreSQL, {}, the gateway and {} worker{} on {}",
                       plan.kafka ? "Apache Kafka" : "the in-memory broker", count,
                       count == 1 ? "" : "s", data.string());
}

// One run of the stack, from its first child to its last.
class Run {
 public:
    Run(const UpOptions& options, Environment environment, Plan plan, const DataDirectory& data,
        Interrupts& interrupts)
        : options_(options),
          environment_(std::move(environment)),
          data_(data),
          interrupts_(interrupts),
          stack_(std::move(plan), data.path(), interrupts,
                 [this](const std::string& line) { status_.say(line); }) {}

    Status take_place() {
        TRY_STATUS(stack_.reserve_port());
        return stack_.prepare();
    }
    void say(const std::string& line) { status_.say(line); }

    int serve() {
        data_.announce(stack_.url());
        auto result = stack_.start(supervisor_);
        if (result.has_value()) result = watch();
        status_.finish();
        const bool stopped = interrupts_.stop().stop_requested();
        if (stopped) status_.say("stopping; Ctrl-C again stops at once");
        supervisor_.stop_all(interrupts_.hurry());
        if (!stopped && !result.has_value()) return fail_to_start(result.error());
        status_.say("stopped; jobs and results are kept in " + data_.path().string());
        return kOk;
    }

 private:
    Status watch() {
        while (!interrupts_.stop().stop_requested()) {
            if (interrupts_.take_reload()) reload();
            TRY_STATUS(supervisor_.watch());
            stack_.look_after();
            if (!is_up_ && supervisor_.all_ready()) greet();
            if (is_up_) status_.refresh([this] { return stack_.summary(); });
            interrupts_.wait(kWatchInterval);
        }
        return ok();
    }

    void greet() {
        is_up_ = true;
        const auto fallback = default_data_directory();
        const bool is_default = fallback.has_value() && *fallback == data_.path();
        const char* url = std::getenv("MILLRACE_URL");
        status_.say(welcome(
            stack_.models(), stack_.kinds(),
            {.program = options_.program,
             .url = stack_.url(),
             .default_url = url != nullptr ? url : std::string(kDefaultUrl),
             .logs = data_.logs().string(),
             .data_option = is_default ? "" : " --data " + shell_quoted(data_.path().string())}));
    }

    void reload() {
        const auto plan = make_plan(options_, environment_);
        const auto checked =
            plan.has_value() ? check_programs(*plan, interrupts_.stop()) : Status(plan.error());
        if (checked.has_value()) return stack_.reload(*plan);
        status_.say("keeping the current settings; the new ones are invalid:\n" +
                    checked.error().message);
    }

    const UpOptions& options_;
    const Environment environment_;
    const DataDirectory& data_;
    Interrupts& interrupts_;
    LiveStatus status_{system_clock(), standard_screen()};
    Stack stack_;
    Supervisor supervisor_{system_clock(), [this](const std::string& line) { status_.say(line); },
                           [this](milliseconds time) { interrupts_.wait(time); }};
    bool is_up_ = false;
};

int run(const UpOptions& options) {
    auto environment = take_environment();
    Interrupts interrupts;
    auto plan = make_plan(options, environment);
    if (!plan.has_value()) return refuse(plan.error());
    const auto path = data_directory(options.data);
    if (!path.has_value()) return refuse(path.error());
    const auto checked = check_programs(*plan, interrupts.stop());
    if (!checked.has_value()) return refuse(checked.error());
    const auto data = DataDirectory::take(*path);
    if (!data.has_value()) return refuse(data.error());

    const auto notes = plan->notes;
    const auto first = first_line(*plan, data->path());
    Run run(options, std::move(environment), *std::move(plan), *data, interrupts);
    if (const auto taken = run.take_place(); !taken.has_value()) return refuse(taken.error());
    for (const auto& note : notes) run.say(note);
    run.say(first);
    return run.serve();
}

}  // namespace

int run_up(const UpOptions& options) {
    if (::getpid() != 1) return run(options);
    return process::run_as_init([&] { return run(options); });
}

}  // namespace millrace::cli::up

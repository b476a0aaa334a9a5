// The arguments of `millrace up`, `logs`, `down`, `reload`.
#include <memory>

#include "producer/cli/arguments.h"

namespace millrace::cli {
namespace {

constexpr const char* kUpExamples =
    "millrace up                          # the synthetic model\n"
    "millrace up --model FILE.gguf\n"
    "millrace up --process \"python3 model.py\" --port 9000";

constexpr int kPortMax = 65535;
constexpr int kWorkersMax = 64;
constexpr int kLinesMax = 1'000'000;

void add_up(Program& program, const std::string& called, int (*run)(const up::UpOptions&)) {
    auto options = std::make_shared<up::UpOptions>();
    options->program = called;
    auto workers = std::make_shared<std::optional<int>>();
    auto& command = program.command("up", "Run the whole stack on this machine until Ctrl-C",
                                    kUpExamples, [options, workers, run] {
                                        options->workers = workers->value_or(options->workers);
                                        return run(*options);
                                    });
    Arguments arguments(program, command);
    arguments.number("--port", options->port, 0, kPortMax,
                     "Serve the API on this port (default: gateway.port, 8080; 0: any free one)");
    arguments.directory("--data", options->data, "Keep jobs and results in this directory");
    arguments.number("--workers", *workers, 0, kWorkersMax,
                     "Run this many worker processes (default: 1)");
    arguments.flag("--kafka", options->kafka, "Run Apache Kafka instead of the in-memory broker");
    arguments.path("--config", options->config,
                   "Read settings from this YAML file (docs/configuration.md)");
    arguments.paths("--model", options->models,
                    "Serve this GGUF model file in process; may be repeated");
    arguments.texts(
        "--backend-url", options->backend_urls,
        "Use this OpenAI-compatible server, e.g. http://127.0.0.1:8000/v1; may be repeated");
    arguments.texts("--process", options->processes,
                    "Run jobs by this program, e.g. \"python3 model.py\", quoted as in a shell; "
                    "may be repeated (docs/backends.md)");
    arguments.texts(
        "--set", options->settings,
        "Set name=value, any setting of docs/configuration.md; may be repeated; the values "
        "of a list add up");
}

void add_logs(Program& program, int (*run)(const up::LogsOptions&)) {
    auto options = std::make_shared<up::LogsOptions>();
    auto lines = std::make_shared<std::optional<int>>();
    auto& command = program.command("logs", "Show the logs of the parts of `up`",
                                    "millrace logs worker -f", [options, lines, run] {
                                        options->lines = lines->value_or(options->lines);
                                        return run(*options);
                                    });
    Arguments arguments(program, command);
    arguments.text("part", options->part, "gateway, worker, worker-1, postgres, kafka, ...")
        ->type_name("");
    arguments.flag("--follow,-f", options->follow, "Keep printing new lines, until Ctrl-C");
    arguments.number("--lines,-n", *lines, 0, kLinesMax,
                     "Print this many last lines of each part (default: 20)");
    arguments.directory("--data", options->data, "Use the data directory of that `up`");
}

void add_control(Program& program, const std::string& name, const std::string& help,
                 int (*run)(const std::string&)) {
    auto data = std::make_shared<std::string>();
    auto& command = program.command(name, help, "", [data, run] { return run(*data); });
    Arguments(program, command).directory("--data", *data, "Use the data directory of that `up`");
}

}  // namespace

void add_up_commands(Program& program, const std::string& called, const UpRuns& runs) {
    add_up(program, called, runs.up);
    add_logs(program, runs.logs);
    add_control(program, "down", "Stop the `up` that runs on this machine", runs.down);
    add_control(program, "reload", "Make the workers of `up` reload their settings and models",
                runs.reload);
}

}  // namespace millrace::cli

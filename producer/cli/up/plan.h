// Decides and checks what `millrace up` will run before anything starts: each program's settings,
// its environment, and the notes to print.
//
// Settings come from the file, the environment and the command line, as in the programs themselves.
// stack.h adds those of the stack's own PostgreSQL and broker.
//
// Threads: one caller at a time. Blocks: to read the settings' file and the headers of model files.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "producer/cli/up/options.h"

namespace millrace::cli::up {

using Environment = std::map<std::string, std::string>;

// Which inputs the models of the configured backends take.
struct BackendKinds {
    bool prompts = false;  // {"prompt": …}: models in the worker's process, and programs.
    bool chats = false;    // {"messages": …}: servers of chat models and of embeddings.
    bool tensors = false;  // {"inputs": …}: servers of the Open Inference Protocol.
};

struct WorkerPlan {
    std::string name;  // "worker-1": its name in lists and its log's name.
    // The slow things that it does before it is ready, such as "loading the model m.gguf".
    std::vector<std::string> tasks;
    Environment settings;           // As environment variables.
    milliseconds drain_timeout{0};  // The most time that it takes to stop, give or take a moment.
    std::size_t models_min = 0;     // With fewer it is not ready.
};

struct Plan {
    std::string host;  // Where the gateway listens.
    int port = 0;      // 0: any free one.
    std::string config_file;
    Environment settings;  // For every program, as variables.
    std::vector<WorkerPlan> workers;
    BackendKinds kinds;
    std::vector<std::string> notes;  // Requests that are not carried out.
    bool kafka = false;
    config::Config gateway;  // The gateway's settings, without the stack's own.
};

// `environment` is this process's, as it was given. Errors: kInvalidArgument with every problem
// found, each on a line and named as it was typed.
Result<Plan> make_plan(const UpOptions& options, const Environment& environment);

// The gateway's settings that differ. They matter because it reads them only at its start.
std::vector<std::string> changed_for_gateway(const Plan& before, const Plan& now);

// The URL at which this machine reaches a gateway with this address: "http://127.0.0.1:8080".
std::string url_of(const std::string& host, int port);

}  // namespace millrace::cli::up

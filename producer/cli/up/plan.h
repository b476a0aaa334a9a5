// What `millrace up` is going to run, decided and checked before anything is started: each
// program's settings, its environment, and what is said about it.
//
// Settings come from the file, the environment and the command line, as for the programs
// themselves; those of the stack's own (its PostgreSQL, its broker) are added by stack.h.
//
// Threads: one caller at a time. Blocks: for reads of the settings' file and of model files' heads.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "producer/cli/up/options.h"

namespace millrace::cli {

using Environment = std::map<std::string, std::string>;

// Kinds of backends, by what a job for one of their models says.
struct BackendKinds {
    bool prompts = false;  // {"prompt": …}: models in the worker's own process, and programs.
    bool chats = false;    // {"messages": …}: servers of chat models and of embeddings.
    bool tensors = false;  // {"inputs": …}: servers of the Open Inference Protocol.
};

struct WorkerPlan {
    std::string name;  // "worker-1", its name in lists and of its log.
    // What it does before it is ready, such as "loading the model m.gguf"; empty: nothing slow.
    std::vector<std::string> tasks;
    Environment settings;           // As variables.
    milliseconds drain_timeout{0};  // What it takes to stop at most, but for a moment.
    std::size_t models_min = 0;     // It is not ready with fewer.
};

struct Plan {
    std::string host;  // Where the gateway listens.
    int port = 0;      // 0: any free one.
    std::string config_file;
    Environment settings;  // Of every program, as variables.
    std::vector<WorkerPlan> workers;
    BackendKinds kinds;
    std::vector<std::string> notes;  // What was asked for and is not done.
    bool kafka = false;
    config::Config gateway;  // What the gateway makes of its settings, but for the stack's own.
};

// `environment`: this process's, as it was given. Errors: kInvalidArgument, with every problem that
// was found, each on a line, named as it was typed.
Result<Plan> make_plan(const UpOptions& options, const Environment& environment);

// Settings of the gateway that differ: it reads them at its start alone.
std::vector<std::string> changed_for_gateway(const Plan& before, const Plan& now);

// "http://127.0.0.1:8080": where this machine reaches a gateway that listens there.
std::string url_of(const std::string& host, int port);

}  // namespace millrace::cli

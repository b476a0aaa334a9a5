// The text that `millrace up` prints once everything runs: the served models, and a command that
// works with one of them.
//
// Pure.
#pragma once

#include <string>
#include <vector>

#include "producer/cli/up/plan.h"

namespace millrace::cli::up {

// What a person needs to know to use the running stack.
struct StackFacts {
    std::string program;      // How `millrace` is called from here.
    std::string url;          // The gateway's address.
    std::string default_url;  // The commands' default address.
    std::string logs;         // The directory of the logs.
    std::string data_option;  // "--data DIR" unless it is the default.
};

// `models` is the list that workers announce.
std::string welcome(const std::vector<std::string>& models, const BackendKinds& kinds,
                    const StackFacts& stack);

}  // namespace millrace::cli::up

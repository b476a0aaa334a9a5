// What `millrace up` says once everything runs: the models that it serves, and a command that works
// with one of them.
//
// Pure.
#pragma once

#include <string>
#include <vector>

#include "producer/cli/up/plan.h"

namespace millrace::cli {

struct Surroundings {
    std::string program;      // How `millrace` is called from here.
    std::string url;          // Where the gateway is.
    std::string default_url;  // Where commands look for it unless they are told.
    std::string logs;         // The directory of the logs.
    std::string data_option;  // "--data DIR", where it is not the default.
};

// `models` as workers announce them.
std::string welcome(const std::vector<std::string>& models, const BackendKinds& kinds,
                    const Surroundings& surroundings);

}  // namespace millrace::cli

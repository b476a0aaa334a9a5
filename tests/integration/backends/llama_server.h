// llama.cpp's server on a free port of 127.0.0.1, over the demo's model, from what
// deploy/fetch-llama-server.sh puts into the cache. It can die and come back on its port. Stopped
// by the destructor.
//
// Threads:   one caller at a time.
// Errors:    kNotFound: it was not fetched (the message says what to run); kUnavailable: it did not
//            become ready (its last lines are in the message).
// Blocks:    start, restart: seconds.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/process/child_process.h"
#include "common/process/port_reservation.h"
#include "common/process/temporary_directory.h"

namespace millrace::backends {

class LlamaServer {
 public:
    // Reserves a port, but does not start the server. It serves the model "smol" on four slots of
    // 1024 tokens; `arguments` are passed in addition.
    static Result<std::unique_ptr<LlamaServer>> prepare(std::vector<std::string> arguments = {});
    static Result<std::unique_ptr<LlamaServer>> start(std::vector<std::string> arguments = {});
    // Returns the chat template for tool calls, from the server's sources.
    static std::filesystem::path tools_template();

    Status start_again();
    void kill() { child_.reset(); }  // SIGKILL.

    std::string url() const;
    // Sends a job's input to the server itself, not streamed, with `model` added. Returns the
    // answer, its members in their order. A status other than 200 fails the test.
    nlohmann::ordered_json ask(const std::string& path, const std::string& input) const;
    // Returns how many of its slots are busy.
    int busy_slots() const;

 private:
    LlamaServer(millrace::process::TemporaryDirectory directory,
                millrace::process::PortReservation port, std::vector<std::string> arguments)
        : directory_(std::move(directory)),
          port_(std::move(port)),
          arguments_(std::move(arguments)) {}

    millrace::process::TemporaryDirectory directory_;  // For its log.
    millrace::process::PortReservation port_;
    std::vector<std::string> arguments_;
    std::unique_ptr<millrace::process::ChildProcess> child_;
};

}  // namespace millrace::backends

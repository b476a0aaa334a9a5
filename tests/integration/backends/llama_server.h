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

namespace millrace::worker {

class LlamaServer {
 public:
    // On a port, but not started. It serves the model "smol" on four slots of 1024 tokens; the
    // arguments are added to those for that.
    static Result<std::unique_ptr<LlamaServer>> prepare(std::vector<std::string> arguments = {});
    static Result<std::unique_ptr<LlamaServer>> start(std::vector<std::string> arguments = {});
    // The chat template, from the server's sources, that it makes tool calls with.
    static std::filesystem::path tools_template();

    Status start_again();
    void kill() { child_.reset(); }  // SIGKILL.

    std::string url() const;
    // The answer to a job's input, sent to the server itself and not streamed: the members as they
    // come, `model` added. A status other than 200 fails the test.
    nlohmann::ordered_json ask(const std::string& path, const std::string& input) const;
    // How many of its slots are at work.
    int busy_slots() const;

 private:
    LlamaServer(process::TemporaryDirectory directory, process::PortReservation port,
                std::vector<std::string> arguments)
        : directory_(std::move(directory)),
          port_(std::move(port)),
          arguments_(std::move(arguments)) {}

    process::TemporaryDirectory directory_;  // Of its log.
    process::PortReservation port_;
    std::vector<std::string> arguments_;
    std::unique_ptr<process::ChildProcess> child_;
};

}  // namespace millrace::worker

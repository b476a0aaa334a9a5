// A real model server of our own on free ports of 127.0.0.1, over copies of models in the source
// tree, from what the scripts in deploy/ put into the cache. Stopped by the destructor.
//
// Threads:   one caller at a time.
// Errors:    kNotFound: it was not fetched (the message says what to run); kUnavailable: it did not
//            become ready (its last lines are in the message).
// Blocks:    start: seconds; the destructor too.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/process/child_process.h"
#include "common/process/port_reservation.h"
#include "common/process/temporary_directory.h"

namespace millrace::backends {

class ModelServer {
 public:
    // Starts a server with the models of these folders, which are paths from the root of the source
    // tree.
    static Result<std::unique_ptr<ModelServer>> start_triton(
        const std::vector<std::string>& models = {"tests/integration/backends/triton"});
    static Result<std::unique_ptr<ModelServer>> start_mlserver();
    ~ModelServer();

    std::string url() const;
    // Returns the answer's body. A status other than 200 fails the test.
    std::string get(const std::string& path) const;
    void post(const std::string& path) const;

    // Triton only: sends SIGKILL to the process that runs the model; the server goes on.
    void kill_model(const std::string& name) const;

 private:
    ModelServer(millrace::process::TemporaryDirectory directory,
                std::vector<millrace::process::PortReservation> ports)
        : directory_(std::move(directory)), ports_(std::move(ports)) {}

    // Reserves this many ports and copies the folders' models to "models" in the directory.
    // `script` is the name of the script that fetched the program.
    static Result<std::unique_ptr<ModelServer>> prepare(const std::filesystem::path& program,
                                                        const std::string& script,
                                                        const std::vector<std::string>& models,
                                                        std::size_t ports);
    Status run(millrace::process::ChildOptions options);

    millrace::process::TemporaryDirectory directory_;
    std::vector<millrace::process::PortReservation> ports_;
    std::string shared_memory_prefix_;  // For the files to remove; empty: none.
    std::unique_ptr<millrace::process::ChildProcess> child_;
};

// The last 4 KiB of a log.
std::string tail_of(const std::filesystem::path& file);

// A server is missing: skips the test and says why, or fails it if the environment has CI.
void go_without(const Error& error);

// For SetUp: returns true if the test may go on.
template <class Server>
bool is_there(const Result<std::unique_ptr<Server>>& server) {
    if (!server.has_value()) go_without(server.error());
    return server.has_value();
}

}  // namespace millrace::backends

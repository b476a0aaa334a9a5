// A PostgreSQL 15 cluster of our own: created, started and stopped here, reached only through a
// Unix socket in a directory that only its owner and root can enter. No TCP port, no clash with the
// system's clusters; PGHOST and its like in the environment divert nothing.
//
// PostgreSQL refuses to run as root: started by root, it runs as the owner of an existing data
// directory, or as `postgres` for a new one.
//
// Threads:   one caller at a time.
// Owns:      the server process and the socket's directory; the data directory stays.
// Errors:    kNotFound: PostgreSQL is not installed; kInvalidArgument: the data directory cannot be
//            used; kUnavailable: the server did not start (its last log lines are in the message);
//            kCancelled: options.give_up was requested.
// Blocks:    start, restart: up to start_timeout; stop: up to stop_timeout.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/embedded/socket_directory.h"
#include "common/process/child_process.h"

namespace millrace::embedded {

struct PostgresOptions {
    std::filesystem::path
        data_dir;       // Made, with its parents, when missing. The log is data_dir.log.
    bool fsync = true;  // False loses data in a crash of the machine: tests only.
    std::string database = "millrace";  // An SQL identifier; created when missing.
    // Server settings on top of those that PrivatePostgres chooses, e.g. {"shared_buffers", "1GB"}.
    std::vector<std::pair<std::string, std::string>> settings;
    std::map<std::string, std::string> environment;  // Added to the server's.
    std::chrono::milliseconds start_timeout{60'000};
    std::chrono::milliseconds stop_timeout{30'000};
    std::stop_token give_up;  // Ends start and restart soon after it is requested.
};

class PrivatePostgres {
 public:
    // Creates the cluster in an empty or missing data directory, or takes up the one that is there,
    // also after a crash. Returns when it accepts connections.
    // What start() needs of this machine, and the directory, made where it is missing. Errors:
    // kNotFound, PostgreSQL or its user is not installed; kInvalidArgument, with what to change.
    static Status prepare(const std::filesystem::path& data_dir);
    static Result<std::unique_ptr<PrivatePostgres>> start(PostgresOptions options);

    ~PrivatePostgres();  // stop()

    // A libpq connection string, the same over the object's life. `database` empty: the default
    // one.
    std::string conninfo(const std::string& database = "") const;

    // A copy of `source`, to which nobody may be connected; empty: with nothing in it.
    // kUnavailable, with PostgreSQL's message, also when it exists already.
    Status create_database(const std::string& name, const std::string& source = "");
    // Cuts off whoever is connected to it. No error when it does not exist.
    Status drop_database(const std::string& name);

    // Where it listens: what `host` and `port` of conninfo() stand for.
    std::filesystem::path socket() const;

    bool running();
    // Asks for stop() without waiting for it.
    void ask_to_stop();
    // Clients are cut off, everything is written. Idempotent.
    void stop();
    // As a crash: SIGKILL to the server, whose sessions end by themselves soon after.
    void kill();
    // Starts it again after stop, kill or a crash, with the same data and conninfo.
    Status restart();

 private:
    PrivatePostgres(PostgresOptions options, std::filesystem::path programs,
                    std::optional<process::User> user, SocketDirectory socket_dir);

    Status set_up();
    Status create_cluster();
    Status init_cluster(const std::filesystem::path& directory) const;
    Status launch();
    Status wait_until_ready();
    Result<std::string> run_tool(std::vector<std::string> argv) const;

    // Fixed after construction.
    PostgresOptions options_;
    std::filesystem::path programs_;
    std::optional<process::User> user_;
    SocketDirectory socket_dir_;

    std::unique_ptr<process::ChildProcess> server_;
};

}  // namespace millrace::embedded

// A private PostgreSQL 15 cluster: created, started and stopped here, and reached only through a
// Unix socket in a directory that only its owner and root can enter. It has no TCP port and does
// not clash with the system's clusters; PGHOST and its like in the environment have no effect.
//
// PostgreSQL refuses to run as root. If root starts it, it runs as the owner of an existing data
// directory, or as `postgres` for a new one.
//
// Threads:   one caller at a time.
// Owns:      the server process and the socket's directory; the data directory remains.
// Errors:    kNotFound: PostgreSQL is not installed; kInvalidArgument: the data directory cannot be
//            used; kUnavailable: the server did not start (the message has its last log lines);
//            kCancelled: options.give_up was requested.
// Blocks:    start, restart: up to start_timeout each for creating the cluster and for starting,
//            and up to stop_timeout for an earlier server to end; stop: up to twice stop_timeout.
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
        data_dir;       // Created with its parents if missing. The log is data_dir.log.
    bool fsync = true;  // False loses data if the machine crashes: tests only.
    std::string database = "millrace";  // An SQL identifier; created if missing.
    // Server settings on top of those that PrivatePostgres chooses, e.g. {"shared_buffers", "1GB"}.
    std::vector<std::pair<std::string, std::string>> settings;
    std::map<std::string, std::string> environment;  // Added to the server's.
    std::chrono::milliseconds start_timeout{60'000};
    std::chrono::milliseconds stop_timeout{30'000};
    std::stop_token give_up;  // Ends start and restart soon after a request.
};

class PrivatePostgres {
 public:
    // Checks what start() needs on this machine, and creates the directory if it is missing.
    // Errors: kNotFound if PostgreSQL or its user is not installed; kInvalidArgument, saying what
    // to change.
    static Status prepare(const std::filesystem::path& data_dir);
    // Creates the cluster in an empty or missing data directory, or takes over the one that is
    // there, even after a crash. Returns once it accepts connections.
    static Result<std::unique_ptr<PrivatePostgres>> start(PostgresOptions options);

    ~PrivatePostgres();  // stop()

    // A libpq connection string, the same for the object's life. An empty `database` means the
    // default one.
    std::string conninfo(const std::string& database = "") const;

    // Creates a copy of `source`, which must have no connections; if that is empty, a database with
    // nothing in it. kUnavailable, with PostgreSQL's message, also if the database exists already.
    Status create_database(const std::string& name, const std::string& source = "");
    // Cuts off everybody who is connected to it. If it does not exist, that is not an error.
    Status drop_database(const std::string& name);

    // The path of the socket, which `host` and `port` of conninfo() stand for.
    std::filesystem::path socket() const;

    bool running();
    // Starts what stop() does, without waiting.
    void ask_to_stop();
    // Cuts off clients and writes everything. Idempotent.
    void stop();
    // Acts like a crash: SIGKILL to the server, whose sessions end by themselves soon after.
    void kill();
    // Starts the server again after stop, kill or a crash, with the same data and conninfo.
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

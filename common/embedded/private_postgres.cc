#include "common/embedded/private_postgres.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "common/base/text.h"
#include "common/embedded/log_tail.h"

namespace millrace::embedded {
namespace {

namespace fs = std::filesystem;
using process::ChildOptions;
using process::ChildProcess;
using std::chrono::milliseconds;

constexpr std::string_view kSuperuser = "millrace";
constexpr milliseconds kToolTimeout{60'000};
constexpr milliseconds kPostgresPollInterval{20};

// Chosen for a machine that is shared with everything else. Nothing here weakens durability.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kSettings{{
    {"listen_addresses", ""},
    {"port", "5432"},  // PGPORT could name another.
    {"max_connections", "100"},
    {"shared_buffers", "256MB"},
    {"wal_buffers", "16MB"},
    {"min_wal_size", "256MB"},
    {"max_wal_size", "2GB"},
    {"checkpoint_timeout", "15min"},
    {"autovacuum_naptime", "10s"},
    {"autovacuum_max_workers", "4"},
    {"jit", "off"},  // Our statements are short: compiling one costs more than running it.
    {"idle_in_transaction_session_timeout", "60s"},
    {"log_line_prefix", "%m [%p] %q%a "},
    {"log_checkpoints", "off"},
}};

Result<fs::path> find_server_programs() {
    // Debian keeps them off PATH, one folder per major version.
    const std::array<fs::path, 1> folders{"/usr/lib/postgresql/15/bin"};
    if (const auto initdb = process::find_program("initdb", folders)) return initdb->parent_path();
    return Error{ErrorCode::kNotFound,
                 "PostgreSQL 15's initdb was not found in /usr/lib/postgresql/15/bin nor on PATH; "
                 "apt-get install postgresql"};
}

// The user to run as: the current one (empty), unless that is root.
Result<std::optional<process::User>> choose_user(const fs::path& data_dir) {
    struct stat info {};
    const bool exists = ::stat((data_dir / "PG_VERSION").c_str(), &info) == 0;
    if (::geteuid() != 0) {
        if (exists && info.st_uid != ::geteuid()) {
            const auto owner = process::find_user(info.st_uid);
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("{} belongs to {}: run as that user or as root, or choose "
                                     "another data directory",
                                     data_dir.string(), owner ? owner->name : "somebody else")};
        }
        return std::optional<process::User>();
    }
    auto user = exists && info.st_uid != 0 ? process::find_user(info.st_uid)
                                           : process::find_user("postgres");
    if (user) return user;
    return Error{ErrorCode::kNotFound,
                 "PostgreSQL does not run as root and there is no user postgres to run it as; "
                 "apt-get install postgresql"};
}

// Whether the condition holds according to test(1), run by that user.
bool passes_as(const std::optional<process::User>& user, const std::string& condition,
               const fs::path& path) {
    ChildOptions probe{.argv = {"test", condition, path.string()}, .directory = "/", .user = user};
    return process::run_to_end(std::move(probe), kToolTimeout).has_value();
}

// Lists them from the root down.
std::vector<fs::path> folders_above(const fs::path& path) {
    std::vector<fs::path> folders;
    for (auto folder = path.parent_path(); folder.has_relative_path();
         folder = folder.parent_path()) {
        folders.insert(folders.begin(), folder);
    }
    return folders;
}

// Makes the directory and proves that the server's user can use it.
Status prepare_data_dir(const fs::path& data_dir, const std::optional<process::User>& user) {
    std::error_code error;
    const bool made = fs::create_directories(data_dir, error);
    if (error) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("cannot make {}: {}", data_dir.string(), error.message())};
    }
    if (user && (made || fs::is_empty(data_dir, error)) &&
        ::chown(data_dir.c_str(), user->uid, user->gid) != 0) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("cannot give {} to {}", data_dir.string(), user->name)};
    }
    if (passes_as(user, "-w", data_dir)) return ok();
    const auto who = user ? "the user " + user->name : std::string("this user");
    for (const auto& above : folders_above(data_dir)) {
        if (passes_as(user, "-x", above)) continue;
        return Error{
            ErrorCode::kInvalidArgument,
            fmt::format("PostgreSQL runs as {0}, who cannot enter {1} above {2}: allow it "
                        "(chmod o+x {1}), or choose a directory elsewhere, e.g. below /var/lib",
                        who, above.string(), data_dir.string())};
    }
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("{} cannot write to {}: make it the owner, or choose another directory", who,
                    data_dir.string())};
}

// The first line of postmaster.pid, or nothing.
std::optional<pid_t> recorded_server(const fs::path& data_dir) {
    std::ifstream file(data_dir / "postmaster.pid");
    pid_t pid = 0;
    if (file >> pid && pid > 0) return pid;
    return std::nullopt;
}

// The server and its tools do not see PGHOST, PGOPTIONS and the like.
std::map<std::string, std::string> clean_environment(std::map<std::string, std::string> more) {
    more.merge(process::environment_without("PG"));
    return more;
}

// The first line of initdb's output that is an error; empty if there is none.
std::string reason_of(const std::string& output) {
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
        for (const std::string_view kind : {"FATAL:", "PANIC:", "ERROR:", "error:"}) {
            const auto at = line.find(kind);
            if (at == std::string::npos) continue;
            return std::string(trimmed(std::string_view(line).substr(at + kind.size())));
        }
    }
    return {};
}

bool is_postgres(const fs::path& process) {
    std::ifstream file(process / "comm");
    std::string name;
    return std::getline(file, name) && name == "postgres";
}

// Any process of a server on this directory, including a session that outlived a killed server.
std::optional<pid_t> find_server_process(const fs::path& data_dir) {
    std::error_code error;
    const fs::path wanted = fs::canonical(data_dir, error);
    for (const auto& entry : fs::directory_iterator("/proc", error)) {
        const std::string name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        if (!is_postgres(entry.path())) continue;
        if (fs::read_symlink(entry.path() / "cwd", error) == wanted) return std::stoi(name);
    }
    return std::nullopt;
}

// A server whose parent was killed needs a moment to end, and another must never start beside it.
// The lock file alone cannot be trusted: another process may have its process id by now, and then
// PostgreSQL would never start again.
Status wait_for_earlier_server(const PostgresOptions& options) {
    const auto deadline = std::chrono::steady_clock::now() + options.stop_timeout;
    while (const auto pid = find_server_process(options.data_dir)) {
        while (!process::wait_until_gone(*pid, process::kStopPoll)) {
            if (options.give_up.stop_requested()) {
                return Error{ErrorCode::kCancelled,
                             "stopped while waiting for an earlier PostgreSQL to end"};
            }
            if (std::chrono::steady_clock::now() < deadline) continue;
            return Error{ErrorCode::kUnavailable,
                         fmt::format("another PostgreSQL (process {}) runs on {}; stop it, or "
                                     "choose another data directory",
                                     *pid, options.data_dir.string())};
        }
    }
    if (const auto pid = recorded_server(options.data_dir)) {
        if (!is_postgres(fs::path("/proc") / std::to_string(*pid))) {
            std::error_code ignored;
            fs::remove(options.data_dir / "postmaster.pid", ignored);
        }
    }
    return ok();
}

// Quotes a value for a connection string.
std::string in_conninfo(std::string_view value) {
    std::string text = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') text += '\\';
        text += c;
    }
    return text + "'";
}

// Quotes a directory for PostgreSQL's list of directories.
std::string in_list(std::string_view directory) {
    std::string text = "\"";
    for (const char c : directory) text += c == '"' ? std::string("\"\"") : std::string(1, c);
    return text + "\"";
}

}  // namespace

PrivatePostgres::PrivatePostgres(PostgresOptions options, fs::path programs,
                                 std::optional<process::User> user, SocketDirectory socket_dir)
    : options_(std::move(options)),
      programs_(std::move(programs)),
      user_(std::move(user)),
      socket_dir_(std::move(socket_dir)) {}

PrivatePostgres::~PrivatePostgres() {
    stop();
}

Status PrivatePostgres::prepare(const fs::path& data_dir) {
    const auto path = fs::absolute(data_dir).lexically_normal();
    TRY_STATUS(find_server_programs());
    TRY(const auto user, choose_user(path));
    return prepare_data_dir(path, user);
}

Result<std::unique_ptr<PrivatePostgres>> PrivatePostgres::start(PostgresOptions options) {
    options.data_dir = fs::absolute(options.data_dir).lexically_normal();
    TRY(const fs::path programs, find_server_programs());
    TRY(auto user, choose_user(options.data_dir));
    TRY_STATUS(prepare_data_dir(options.data_dir, user));
    // The earlier server may still use the socket's directory.
    TRY_STATUS(wait_for_earlier_server(options));
    TRY(auto socket_dir, SocketDirectory::make(options.data_dir, user));

    std::unique_ptr<PrivatePostgres> server(
        new PrivatePostgres(std::move(options), programs, std::move(user), std::move(socket_dir)));
    TRY_STATUS(server->set_up());
    return server;
}

Status PrivatePostgres::set_up() {
    if (!fs::exists(options_.data_dir / "PG_VERSION")) TRY_STATUS(create_cluster());
    TRY_STATUS(restart());
    const std::string find =
        fmt::format("SELECT 1 FROM pg_database WHERE datname = '{}'", options_.database);
    TRY(const std::string found, run_tool({"psql", "-XAtc", find}));
    // The loader may have printed something before (about LD_PRELOAD).
    const bool exists = found == "1\n" || found.ends_with("\n1\n");
    return exists ? ok() : create_database(options_.database);
}

// A cluster counts only once it is complete. So it is made beside its place and moved there, and
// initdb may be killed at any moment. If that is impossible (the directory is not empty, or is a
// mount point), initdb works in place, or reports why it cannot.
Status PrivatePostgres::create_cluster() {
    std::error_code error;
    const fs::path unfinished = options_.data_dir.string() + ".unfinished";
    fs::remove_all(unfinished, error);
    if (!fs::is_empty(options_.data_dir, error)) return init_cluster(options_.data_dir);
    TRY_STATUS(prepare_data_dir(unfinished, user_));
    TRY_STATUS(init_cluster(unfinished));
    if (::rename(unfinished.c_str(), options_.data_dir.c_str()) == 0) return ok();
    fs::remove_all(unfinished, error);
    return init_cluster(options_.data_dir);
}

Status PrivatePostgres::init_cluster(const fs::path& directory) const {
    ChildOptions initdb{.argv = {(programs_ / "initdb").string(), "-D", directory.string(),
                                 "--username", std::string(kSuperuser), "--auth", "trust",
                                 "--encoding", "UTF8", "--locale", "C.UTF-8"},
                        .env = clean_environment({}),
                        .inherit_env = false,
                        .directory = "/",
                        .user = user_};
    if (!options_.fsync) initdb.argv.emplace_back("--no-sync");
    const auto made =
        process::run_to_end(std::move(initdb), options_.start_timeout, options_.give_up);
    if (made.has_value()) return ok();
    const auto reason = reason_of(made.error().message);
    if (made.error().code == ErrorCode::kCancelled || reason.empty()) return made.error();
    return Error{made.error().code, fmt::format("PostgreSQL cannot create its files in {}: {}",
                                                directory.string(), reason)};
}

Status PrivatePostgres::restart() {
    stop();
    TRY_STATUS(wait_for_earlier_server(options_));
    TRY_STATUS(launch());
    return wait_until_ready();
}

Status PrivatePostgres::launch() {
    ChildOptions postgres{
        .argv = {(programs_ / "postgres").string(), "-D", options_.data_dir.string()},
        .env = clean_environment(options_.environment),
        .inherit_env = false,
        .directory = "/",
        .user = user_,
        .output_file = options_.data_dir.string() + ".log",
        .death_signal = SIGINT};  // A fast, clean shutdown.
    const auto set = [&](std::string_view name, std::string_view value) {
        postgres.argv.emplace_back("-c");
        postgres.argv.push_back(fmt::format("{}={}", name, value));
    };
    for (const auto& [name, value] : kSettings) set(name, value);
    set("unix_socket_directories", in_list(socket_dir_.path().string()));
    set("fsync", options_.fsync ? "on" : "off");
    if (!options_.fsync) set("full_page_writes", "off");
    for (const auto& [name, value] : options_.settings) set(name, value);

    TRY(auto server, ChildProcess::start(std::move(postgres)));
    server_ = std::make_unique<ChildProcess>(std::move(server));
    return ok();
}

Status PrivatePostgres::wait_until_ready() {
    const auto deadline = std::chrono::steady_clock::now() + options_.start_timeout;
    const std::string log = options_.data_dir.string() + ".log";
    while (!run_tool({"pg_isready", "-q", "-t", "1"}).has_value()) {
        if (options_.give_up.stop_requested()) {
            stop();
            return Error{ErrorCode::kCancelled, "stopped while PostgreSQL was starting"};
        }
        if (const auto status = server_->wait(kPostgresPollInterval)) {
            return Error{ErrorCode::kUnavailable,
                         fmt::format("PostgreSQL ended with {} while starting; {}", status->str(),
                                     describe_log(log))};
        }
        if (std::chrono::steady_clock::now() > deadline) {
            kill();
            return Error{ErrorCode::kUnavailable,
                         fmt::format("PostgreSQL was not ready after {} ms; {}",
                                     options_.start_timeout.count(), describe_log(log))};
        }
    }
    return ok();
}

// Runs one of PostgreSQL's client programs against the maintenance database.
Result<std::string> PrivatePostgres::run_tool(std::vector<std::string> argv) const {
    argv.front() = (programs_ / argv.front()).string();
    return process::run_to_end({.argv = std::move(argv),
                                .env = clean_environment({{"PGHOST", socket_dir_.path().string()},
                                                          {"PGPORT", "5432"},
                                                          {"PGUSER", std::string(kSuperuser)},
                                                          {"PGDATABASE", "postgres"}}),
                                .inherit_env = false,
                                .directory = "/"},
                               kToolTimeout, options_.give_up);
}

std::string PrivatePostgres::conninfo(const std::string& database) const {
    return fmt::format("host={} port=5432 user={} dbname={}",
                       in_conninfo(socket_dir_.path().string()), kSuperuser,
                       database.empty() ? options_.database : database);
}

Status PrivatePostgres::create_database(const std::string& name, const std::string& source) {
    TRY_STATUS(run_tool({"createdb", "--template", source.empty() ? "template1" : source, name}));
    return ok();
}

Status PrivatePostgres::drop_database(const std::string& name) {
    TRY_STATUS(run_tool({"dropdb", "--if-exists", "--force", name}));
    return ok();
}

fs::path PrivatePostgres::socket() const {
    return socket_dir_.path() / ".s.PGSQL.5432";
}

bool PrivatePostgres::running() {
    return server_ && server_->running();
}

void PrivatePostgres::ask_to_stop() {
    if (server_) server_->send(SIGINT);
}

void PrivatePostgres::stop() {
    if (!server_) return;
    server_->send(SIGINT);
    if (!server_->wait(options_.stop_timeout)) server_->send(SIGQUIT);
    if (!server_->wait(options_.stop_timeout)) server_->kill();
    server_.reset();
}

void PrivatePostgres::kill() {
    if (server_) server_->kill();
    server_.reset();
}

}  // namespace millrace::embedded

#include "producer/cli/up/data_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "common/process/program.h"

namespace millrace::cli::up {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAnother = "Name another directory with --data.";

fs::path lock_file(const fs::path& directory) {
    return directory / "up.lock";
}

Error unusable(const fs::path& directory, int error) {
    return {ErrorCode::kInvalidArgument,
            fmt::format("cannot write to {}: {}. {}", directory.string(), std::strerror(error),
                        kAnother)};
}

// Creates the directories regardless of the umask. PostgreSQL's own user must enter root's, but not
// list them.
Status make_directories(const fs::path& directory) {
    fs::path missing = directory;
    std::error_code error;
    if (fs::is_directory(directory, error)) return ok();
    while (missing.has_relative_path() && !fs::exists(missing.parent_path(), error)) {
        missing = missing.parent_path();
    }
    const mode_t mode = ::geteuid() == 0 ? 0711 : 0700;
    const auto rest = directory.lexically_relative(missing);
    auto made = missing;
    for (auto part = rest.begin();; ++part) {
        // Existing files keep their mode: they may belong to somebody else.
        if (::mkdir(made.c_str(), mode) == 0) {
            ::chmod(made.c_str(), mode);
        } else if (errno != EEXIST) {
            return unusable(directory, errno);
        }
        if (part == rest.end()) break;
        if (*part != ".") made /= *part;
    }
    if (fs::is_directory(directory, error)) return ok();
    return unusable(directory, ENOTDIR);
}

// Only its owner may enter, as the logs may show the contents of jobs.
Status make_private(const fs::path& directory) {
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
        return unusable(directory, errno);
    }
    std::error_code error;
    if (!fs::is_directory(directory, error)) return unusable(directory, ENOTDIR);
    ::chmod(directory.c_str(), 0700);
    return ok();
}

// A lock of the whole file, for as long as this process lives. Others can ask for its holder
// without taking a lock.
struct flock whole_file() {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

Error in_use(const fs::path& directory) {
    const auto holder = find_running_up(directory);
    const auto who = holder.has_value() && holder->pid > 0
                         ? fmt::format(" (process {}{}{})", holder->pid,
                                       holder->url.empty() ? "" : ", ", holder->url)
                         : std::string();
    return {ErrorCode::kAlreadyExists,
            fmt::format("another `millrace up`{} runs on {}. Stop it, or name another directory "
                        "with --data.",
                        who, directory.string())};
}

}  // namespace

Result<fs::path> default_data_directory() {
    if (::geteuid() == 0) return fs::path("/var/lib/millrace");
    // The specification says to ignore a relative path.
    const char* data = std::getenv("XDG_DATA_HOME");
    if (data != nullptr && *data == '/') return fs::path(data) / "millrace";
    const char* home = std::getenv("HOME");
    if (home != nullptr && *home == '/') return fs::path(home) / ".local/share/millrace";
    return Error{ErrorCode::kInvalidArgument,
                 "HOME is not set, so there is no place for jobs and results. Name a directory "
                 "with --data."};
}

Result<fs::path> data_directory(const std::string& named) {
    if (named.empty()) return default_data_directory();
    std::error_code error;
    auto path = fs::absolute(named, error).lexically_normal();
    if (error) return unusable(named, error.value());
    // "dir/" names "dir"; otherwise files meant to be beside it would land inside it.
    return path.has_filename() ? path : path.parent_path();
}

Result<DataDirectory> DataDirectory::take(const fs::path& path) {
    TRY_STATUS(make_directories(path));
    process::Fd lock(
        ::open(lock_file(path).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock.valid()) return unusable(path, errno);
    const auto wanted = whole_file();
    if (::fcntl(lock.get(), F_SETLK, &wanted) != 0) {
        return errno == EACCES || errno == EAGAIN ? in_use(path) : unusable(path, errno);
    }
    for (const auto* part : {"logs", "kafka"}) TRY_STATUS(make_private(path / part));
    DataDirectory directory(path, std::move(lock));
    directory.announce("");
    return directory;
}

void DataDirectory::announce(const std::string& url) const {
    const auto text = fmt::format("{}\n{}\n", ::getpid(), url);
    [[maybe_unused]] const int emptied = ::ftruncate(lock_.get(), 0);
    [[maybe_unused]] const auto written = ::pwrite(lock_.get(), text.data(), text.size(), 0);
}

Result<RunningUp> find_running_up(const fs::path& path) {
    const process::Fd file(::open(lock_file(path).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid() && errno != ENOENT && errno != ENOTDIR) {
        return Error{
            ErrorCode::kInvalidArgument,
            fmt::format("cannot read {}: {}", lock_file(path).string(), std::strerror(errno))};
    }
    auto lock = whole_file();
    if (!file.valid() || ::fcntl(file.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("no `millrace up` runs on {}; --data names another directory",
                                 path.string())};
    }
    RunningUp running;
    std::ifstream content(lock_file(path));
    content >> running.pid >> running.url;
    running.pid = std::max<pid_t>(lock.l_pid, 0);
    return running;
}

}  // namespace millrace::cli::up

#include "common/embedded/socket_directory.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <string_view>

#include "common/process/fd.h"

namespace millrace::embedded {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporaryPrefix = "millrace-pg-";
constexpr std::string_view kSocketName = "/.s.PGSQL.5432";
constexpr std::size_t kPathBytesMax = sizeof(sockaddr_un::sun_path) - 1 - kSocketName.size();

// Some file systems, such as shared folders of virtual machines, refuse sockets.
bool takes_sockets(const fs::path& directory) {
    const auto path = (directory / ".probe").string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const process::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::unlink(path.c_str());
    const bool bound = socket.valid() && ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address),
                                                sizeof address) == 0;
    ::unlink(path.c_str());
    return bound;
}

// libpq splits a host at commas, and they cannot be quoted.
bool is_usable(const fs::path& directory) {
    const auto& path = directory.native();
    return path.size() <= kPathBytesMax && path.find(',') == std::string::npos;
}

bool provide(const fs::path& directory, const std::optional<process::User>& user) {
    if (!is_usable(directory)) return false;
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return false;
    struct stat info {};
    // Does not follow a link, which may lead into somebody else's folder.
    if (::lstat(directory.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return false;
    const uid_t owner = user ? user->uid : ::geteuid();
    if (user && info.st_uid != owner && ::chown(directory.c_str(), user->uid, user->gid) != 0) {
        return false;
    }
    if (!user && info.st_uid != owner) return false;
    return ::chmod(directory.c_str(), 0700) == 0 && takes_sockets(directory);
}

// Removes what a killed process has left: a link and the temporary directory behind it.
void remove_left_over(const fs::path& link, const std::optional<process::User>& user) {
    std::error_code error;
    if (!fs::is_symlink(fs::symlink_status(link, error))) return;
    const auto target = fs::read_symlink(link, error);
    struct stat info {};
    const uid_t owner = user ? user->uid : ::geteuid();
    if (target.filename().native().starts_with(kTemporaryPrefix) &&
        ::lstat(target.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == owner) {
        fs::remove_all(target, error);
    }
    fs::remove(link, error);
}

}  // namespace

Result<SocketDirectory> SocketDirectory::make(const fs::path& data_dir,
                                              const std::optional<process::User>& user) {
    const fs::path beside = data_dir.string() + ".socket";
    remove_left_over(beside, user);
    if (provide(beside, user)) return SocketDirectory(beside, {}, std::nullopt);
    TRY(auto temporary,
        process::TemporaryDirectory::make(std::string(kTemporaryPrefix), user, is_usable));
    auto path = temporary.path();
    std::error_code ignored;  // Without the link, a folder stays in /tmp after a kill; no worse.
    fs::create_symlink(path, beside, ignored);
    return SocketDirectory(std::move(path), beside, std::move(temporary));
}

SocketDirectory::~SocketDirectory() {
    std::error_code ignored;
    if (temporary_ && !link_.empty()) fs::remove(link_, ignored);
}

}  // namespace millrace::embedded

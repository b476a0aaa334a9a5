// Where PostgreSQL's socket is. Internal to the module.
//
// A socket's path has at most 107 bytes, and not every file system takes sockets. The folder
// DATA.socket beside the data directory is the first choice: nothing is left anywhere when a
// process is killed. Else it is a temporary directory; the link DATA.socket then leads there, so
// that the next start on the same data removes what a killed process has left.
//
// Threads: one caller at a time.
// Owns:    the temporary directory and the link to it. The folder beside the data stays.
#pragma once

#include <filesystem>
#include <optional>

#include "common/base/result.h"
#include "common/process/temporary_directory.h"

namespace millrace::embedded {

class SocketDirectory {
 public:
    // Mode 0700, owned by `user` where given. Errors: kUnavailable when no place takes a socket.
    static Result<SocketDirectory> make(const std::filesystem::path& data_dir,
                                        const std::optional<process::User>& user);

    SocketDirectory(SocketDirectory&&) noexcept = default;
    ~SocketDirectory();

    const std::filesystem::path& path() const { return path_; }

 private:
    SocketDirectory(std::filesystem::path path, std::filesystem::path link,
                    std::optional<process::TemporaryDirectory> temporary)
        : path_(std::move(path)), link_(std::move(link)), temporary_(std::move(temporary)) {}

    std::filesystem::path path_;
    std::filesystem::path link_;
    std::optional<process::TemporaryDirectory> temporary_;
};

}  // namespace millrace::embedded

// The directory of PostgreSQL's socket. Internal to the module.
//
// A socket's path has at most 107 bytes, and not every file system accepts sockets. The first
// choice is the folder DATA.socket beside the data directory, because nothing is left elsewhere if
// a process is killed. Otherwise it is a temporary directory, and DATA.socket is a link to it, so
// that the next start on the same data removes what a killed process left.
//
// Threads: one caller at a time.
// Owns:    the temporary directory and the link to it. The folder beside the data remains.
#pragma once

#include <filesystem>
#include <optional>

#include "common/base/result.h"
#include "common/process/temporary_directory.h"

namespace millrace::embedded {

class SocketDirectory {
 public:
    // Mode 0700, owned by `user` if given. Errors: kUnavailable if no place accepts a socket.
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

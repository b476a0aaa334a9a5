// The directory in which `millrace up` keeps everything, and who uses it now.
//
//   DIR/up.lock     held while `up` runs; its process id and its URL
//   DIR/logs        of the gateway and the workers
//   DIR/postgres, postgres.log, postgres.socket; DIR/kafka
//
// Threads: one caller at a time.
// Owns:    the lock, which dies with the process.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "common/base/result.h"
#include "common/process/fd.h"

namespace millrace::cli {

// /var/lib/millrace for root (PostgreSQL's own user must be able to enter it), else
// $XDG_DATA_HOME/millrace or ~/.local/share/millrace. Errors: kInvalidArgument when this user has
// no home directory.
Result<std::filesystem::path> default_data_directory();
// `named`, as an absolute path, or the default where it is empty.
Result<std::filesystem::path> data_directory(const std::string& named);

struct RunningUp {
    pid_t pid = 0;    // Of the lock's holder, as the kernel has it; 0: in another container.
    std::string url;  // Empty until it has one.
};

class DataDirectory {
 public:
    // Makes what is missing and takes the lock. Errors: kInvalidArgument, with what is wrong with
    // the directory; kAlreadyExists when another `up` runs on it.
    static Result<DataDirectory> take(const std::filesystem::path& path);

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path logs() const { return path_ / "logs"; }
    // For those that look at the directory from outside.
    void announce(const std::string& url) const;

 private:
    DataDirectory(std::filesystem::path path, process::Fd lock)
        : path_(std::move(path)), lock_(std::move(lock)) {}

    std::filesystem::path path_;
    process::Fd lock_;
};

// Who holds the directory's lock, which is not touched: an `up` that starts meanwhile notices
// nothing. Not for the holder itself, which would lose it. Errors: kNotFound when nobody does;
// kInvalidArgument when this user may not know.
Result<RunningUp> find_running_up(const std::filesystem::path& path);

}  // namespace millrace::cli

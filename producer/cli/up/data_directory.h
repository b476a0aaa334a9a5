// The directory in which `millrace up` keeps everything, and which process uses it now.
//
//   DIR/up.lock     held while `up` runs; contains its process id and its URL
//   DIR/logs        the logs of the gateway and the workers
//   DIR/postgres, postgres.log, postgres.socket; DIR/kafka
//
// Threads: one caller at a time.
// Owns:    the lock, which ends with the process.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "common/base/result.h"
#include "common/process/fd.h"

namespace millrace::cli::up {

// /var/lib/millrace for root (PostgreSQL's own user must be able to enter it), otherwise
// $XDG_DATA_HOME/millrace or ~/.local/share/millrace. Errors: kInvalidArgument if this user has no
// home directory.
Result<std::filesystem::path> default_data_directory();
// Returns `named` as an absolute path, or the default if it is empty.
Result<std::filesystem::path> data_directory(const std::string& named);

struct RunningUp {
    pid_t pid = 0;    // The lock's holder, from the kernel; 0: in another container.
    std::string url;  // Empty until it is known.
};

class DataDirectory {
 public:
    // Creates what is missing and takes the lock. Errors: kInvalidArgument, with what is wrong with
    // the directory; kAlreadyExists if another `up` uses it.
    static Result<DataDirectory> take(const std::filesystem::path& path);

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path logs() const { return path_ / "logs"; }
    // Publishes the URL to processes that look at the directory from outside.
    void announce(const std::string& url) const;

 private:
    DataDirectory(std::filesystem::path path, process::Fd lock)
        : path_(std::move(path)), lock_(std::move(lock)) {}

    std::filesystem::path path_;
    process::Fd lock_;
};

// Finds the holder of the directory's lock without touching the lock, so an `up` that starts
// meanwhile is not disturbed. The holder itself must not call it: it would lose the lock. Errors:
// kNotFound if nobody holds it; kInvalidArgument if the lock's file cannot be opened.
Result<RunningUp> find_running_up(const std::filesystem::path& path);

}  // namespace millrace::cli::up

// Where programs are, and which users may run them.
//
// Threads: thread-safe.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace millrace::process {

// The first executable file `name` in `folders`, then on PATH. A name with a slash is a path
// itself.
std::optional<std::filesystem::path> find_program(
    std::string_view name, std::span<const std::filesystem::path> folders = {});

// A program of Millrace's own: in $MILLRACE_BIN, beside the running program, or on PATH.
std::optional<std::filesystem::path> find_own_program(std::string_view name);

struct User {
    uid_t uid;
    gid_t gid;
    std::string name;
};

std::optional<User> find_user(const std::string& name);
std::optional<User> find_user(uid_t uid);

// This process's environment without the variables whose names begin with `prefix`; if that is
// empty, all of it.
std::map<std::string, std::string> environment_without(std::string_view prefix);

// $MILLRACE_CACHE, or ~/.cache/millrace: the scripts in deploy/ put there what they fetch and
// build.
std::filesystem::path cache_directory();

}  // namespace millrace::process

// A new directory with a short path, removed with all its contents when the object dies.
//
// Threads: one caller at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/process/program.h"

namespace millrace::process {

class TemporaryDirectory {
 public:
    using PathRule = std::function<bool(const std::filesystem::path&)>;
    static bool any_path(const std::filesystem::path& /*path*/) { return true; }

    // Makes <prefix>XXXXXX with mode 0700, owned by `owner` if given. It goes into the first of
    // $TMPDIR, /tmp, /var/tmp and /dev/shm that accepts it and where its path satisfies `fits`.
    // Errors: kUnavailable, with the reason for each of them.
    static Result<TemporaryDirectory> make(const std::string& prefix,
                                           const std::optional<User>& owner = std::nullopt,
                                           const PathRule& fits = any_path);

    TemporaryDirectory(TemporaryDirectory&& other) noexcept;
    TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
    ~TemporaryDirectory();

    const std::filesystem::path& path() const { return path_; }

 private:
    explicit TemporaryDirectory(std::filesystem::path path) : path_(std::move(path)) {}

    static Result<TemporaryDirectory> make_in(const std::filesystem::path& base,
                                              const std::string& prefix,
                                              const std::optional<User>& owner,
                                              const PathRule& fits);

    std::filesystem::path path_;  // Empty when moved from.
};

}  // namespace millrace::process

// A new directory with a short path, removed with all it holds when the object dies.
//
// Threads: one caller at a time.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/process/program.h"

namespace millrace::process {

class TemporaryDirectory {
 public:
    // Makes $TMPDIR/<prefix>XXXXXX (default /tmp) with mode 0700, owned by `owner` where given.
    static Result<TemporaryDirectory> make(const std::string& prefix,
                                           const std::optional<User>& owner = std::nullopt);

    TemporaryDirectory(TemporaryDirectory&& other) noexcept;
    TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
    ~TemporaryDirectory();

    const std::filesystem::path& path() const { return path_; }

 private:
    explicit TemporaryDirectory(std::filesystem::path path) : path_(std::move(path)) {}

    std::filesystem::path path_;  // Empty when moved from.
};

}  // namespace millrace::process

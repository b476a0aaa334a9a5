// A disk of its own for PostgreSQL, small enough to be filled: a tmpfs.
//
// Threads: one caller at a time.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "common/process/temporary_directory.h"

namespace millrace::chaos {

class SmallDisk {
 public:
    // Nothing where this process may not mount (it takes root).
    static std::unique_ptr<SmallDisk> mount(std::size_t bytes);
    ~SmallDisk();  // Whoever uses it must have ended.

    std::filesystem::path path() const { return directory_.path() / "disk"; }

    void fill();  // To the last byte.
    void free();

 private:
    explicit SmallDisk(process::TemporaryDirectory directory) : directory_(std::move(directory)) {}

    process::TemporaryDirectory directory_;
};

}  // namespace millrace::chaos

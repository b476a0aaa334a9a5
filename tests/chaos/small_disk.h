// A separate disk for PostgreSQL, small enough to be filled: a tmpfs.
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
    // Returns null if this process may not mount, which takes root.
    static std::unique_ptr<SmallDisk> mount(std::size_t bytes);
    ~SmallDisk();  // All programs that use it must have ended.

    std::filesystem::path path() const { return directory_.path() / "disk"; }

    void fill();  // To the last byte.
    void free();

 private:
    explicit SmallDisk(process::TemporaryDirectory directory) : directory_(std::move(directory)) {}

    process::TemporaryDirectory directory_;
};

}  // namespace millrace::chaos

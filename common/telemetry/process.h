// What the kernel reports about this process.
#pragma once

#include <cstdint>

namespace millrace::telemetry {

struct ProcessStats {
    std::int64_t resident_bytes = 0;
    std::int64_t open_files = 0;
    std::int64_t threads = 0;
    double cpu_seconds = 0;
};

// Fields that cannot be read are zero.
ProcessStats read_process_stats();

}  // namespace millrace::telemetry

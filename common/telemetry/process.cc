#include "common/telemetry/process.h"

#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace millrace::telemetry {
namespace {

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

std::int64_t count_entries(const char* folder) {
    std::error_code error;
    std::int64_t count = 0;
    std::filesystem::directory_iterator entry(folder, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        ++count;
    }
    return count;
}

}  // namespace

ProcessStats read_process_stats() {
    ProcessStats stats;
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        constexpr std::string_view kResident = "VmRSS:";
        constexpr std::string_view kThreads = "Threads:";
        if (line.starts_with(kResident)) {
            stats.resident_bytes = std::atoll(line.c_str() + kResident.size()) * 1024;
        } else if (line.starts_with(kThreads)) {
            stats.threads = std::atoll(line.c_str() + kThreads.size());
        }
    }
    // The iteration itself holds one descriptor open.
    stats.open_files = std::max<std::int64_t>(0, count_entries("/proc/self/fd") - 1);
    rusage usage{};
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        stats.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    }
    return stats;
}

}  // namespace millrace::telemetry

#include "common/telemetry/process.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace millrace::telemetry {
namespace {

TEST(ProcessStats, KnowsThisProcess) {
    const auto stats = read_process_stats();
    EXPECT_GT(stats.resident_bytes, 1 << 20);
    EXPECT_GE(stats.open_files, 3);
    EXPECT_GE(stats.threads, 1);
    EXPECT_GE(stats.cpu_seconds, 0);
}

TEST(ProcessStats, SeesAnOpenFile) {
    const auto before = read_process_stats().open_files;
    const int extra = dup(2);
    EXPECT_EQ(read_process_stats().open_files, before + 1);
    close(extra);
}

}  // namespace
}  // namespace millrace::telemetry

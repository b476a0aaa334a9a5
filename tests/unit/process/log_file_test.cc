#include "common/process/log_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "common/process/fd.h"
#include "common/process/temporary_directory.h"

namespace millrace::process {
namespace {

namespace fs = std::filesystem;

class LogFileTest : public testing::Test {
 protected:
    static std::string content(const fs::path& path) {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    TemporaryDirectory directory_ = TemporaryDirectory::make("millrace-log-").value();
    fs::path log_ = directory_.path() / "worker.log";
    fs::path aside_ = directory_.path() / "worker.log.1";
};

TEST_F(LogFileTest, ShowsAPartAndTheEnd) {
    std::ofstream(log_) << "0123456789";
    EXPECT_EQ(log_part(log_, 2, 3), "234");
    EXPECT_EQ(log_part(log_, 8, 100), "89");
    EXPECT_EQ(log_part(log_, 10, 100), "");
    EXPECT_EQ(log_part(log_, 100, 100), "");
    EXPECT_EQ(log_end(log_, 3), "789");
    EXPECT_EQ(log_end(log_, 100), "0123456789");
    EXPECT_EQ(log_end(log_, 100, 8), "89");
    EXPECT_EQ(log_end(log_, 100, 11), "");
    EXPECT_EQ(log_end("/nonexistent", 100), "");
    EXPECT_EQ(log_size("/nonexistent"), 0U);
}

TEST_F(LogFileTest, IsKeptWithinBoundsWhileItsWriterContinues) {
    const Fd writer(::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
    const auto write = [&](const std::string& text) {
        return ::write(writer.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
    };
    ASSERT_TRUE(write("0123456789"));
    EXPECT_FALSE(bound_log(log_, 10));
    ASSERT_TRUE(write("abc"));
    EXPECT_TRUE(bound_log(log_, 10));
    EXPECT_EQ(content(aside_), "3456789abc");
    ASSERT_TRUE(write("more"));
    EXPECT_EQ(content(log_), "more");
    ASSERT_TRUE(write(" than ten bytes"));
    EXPECT_TRUE(bound_log(log_, 10));
    EXPECT_EQ(content(aside_), " ten bytes");
}

TEST_F(LogFileTest, IsEmptiedIfNoCopyCanBeMade) {
    std::ofstream(log_) << "0123456789";
    fs::create_directory(aside_);
    EXPECT_TRUE(bound_log(log_, 5));
    EXPECT_EQ(content(log_), "");
    EXPECT_TRUE(fs::is_directory(aside_));
}

TEST_F(LogFileTest, TouchesOnlyLogs) {
    std::ofstream(directory_.path() / "precious") << "0123456789";
    fs::create_symlink("precious", log_);
    EXPECT_FALSE(bound_log(log_, 5));
    EXPECT_FALSE(bound_log("/dev/zero", 5));
    EXPECT_FALSE(bound_log("/nonexistent", 5));
    EXPECT_EQ(content(directory_.path() / "precious"), "0123456789");
}

}  // namespace
}  // namespace millrace::process

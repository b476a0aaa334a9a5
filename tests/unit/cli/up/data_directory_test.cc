#include "producer/cli/up/data_directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "common/process/temporary_directory.h"

namespace millrace::cli::up {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class DataDirectoryTest : public testing::Test {
 protected:
    fs::path path(const std::string& name) const { return directory_.path() / name; }
    static mode_t mode(const fs::path& path) {
        struct stat info {};
        return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777U : 0;
    }

    process::TemporaryDirectory directory_ =
        process::TemporaryDirectory::make("millrace-data-").value();
};

TEST_F(DataDirectoryTest, IsCreatedForItsOwnerWhateverTheUmask) {
    for (const mode_t mask : {0U, 0077U, 0027U}) {
        const auto before = ::umask(mask);
        const auto data = DataDirectory::take(path(std::to_string(mask)) / "a b" / "c");
        ::umask(before);
        ASSERT_TRUE(data.has_value()) << data.error().message;
        // PostgreSQL's user must be able to enter a directory that root makes.
        EXPECT_EQ(mode(data->path()), ::geteuid() == 0 ? 0711U : 0700U);
        EXPECT_EQ(mode(data->path().parent_path()), mode(data->path()));
        EXPECT_EQ(mode(data->logs()), 0700U);
    }
}

TEST_F(DataDirectoryTest, KeepsAModeThatSomebodyChose) {
    fs::create_directory(path("mine"));
    ::chmod(path("mine").c_str(), 0750);
    ASSERT_TRUE(DataDirectory::take(path("mine")).has_value());
    EXPECT_EQ(mode(path("mine")), 0750U);
}

// Another process that holds the directory until the object is destroyed.
class Holder {
 public:
    Holder(const fs::path& path, const std::string& url) {
        int ready[2];
        if (::pipe(ready) != 0) return;
        pid_ = ::fork();
        if (pid_ == 0) {
            const auto data = DataDirectory::take(path);
            if (data.has_value()) data->announce(url);
            [[maybe_unused]] const auto n = ::write(ready[1], "x", 1);
            while (data.has_value()) ::pause();
            ::_exit(1);
        }
        char byte = 0;
        [[maybe_unused]] const auto n = ::read(ready[0], &byte, 1);
        ::close(ready[0]);
        ::close(ready[1]);
    }
    ~Holder() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    pid_t pid() const { return pid_; }

 private:
    pid_t pid_ = -1;
};

TEST_F(DataDirectoryTest, ReportsWhoUsesIt) {
    EXPECT_EQ(find_running_up(path("data")).error().code, ErrorCode::kNotFound);
    {
        const Holder holder(path("data"), "http://127.0.0.1:1");
        const auto running = find_running_up(path("data"));
        ASSERT_TRUE(running.has_value()) << running.error().message;
        EXPECT_EQ(running->pid, holder.pid());
        EXPECT_EQ(running->url, "http://127.0.0.1:1");
        const auto second = DataDirectory::take(path("data"));
        ASSERT_FALSE(second.has_value());
        EXPECT_THAT(second.error().message,
                    AllOf(HasSubstr("another `millrace up`"), HasSubstr("http://127.0.0.1:1"),
                          HasSubstr(std::to_string(holder.pid()))));
    }
    const auto over = find_running_up(path("data"));
    ASSERT_FALSE(over.has_value());
    EXPECT_THAT(over.error().message,
                HasSubstr("no `millrace up` runs on " + path("data").string()));
    EXPECT_TRUE(DataDirectory::take(path("data")).has_value());
}

// The file's content may be old, or anybody may have written it: signals go to the process that the
// kernel names.
TEST_F(DataDirectoryTest, DoesNotTrustTheLockFilesContent) {
    const Holder holder(path("data"), "");
    std::ofstream(path("data") / "up.lock") << "1\nhttp://127.0.0.1:1\n";
    const auto running = find_running_up(path("data"));
    ASSERT_TRUE(running.has_value());
    EXPECT_EQ(running->pid, holder.pid());
}

// A reader that locks could keep a stack from starting, if only for a moment.
TEST_F(DataDirectoryTest, CanBeInspectedWithoutALock) {
    const Holder holder(path("data"), "");
    ASSERT_TRUE(find_running_up(path("data")).has_value());
    struct flock lock {};
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    const int file = ::open((path("data") / "up.lock").c_str(), O_RDWR);
    EXPECT_EQ(::flock(file, LOCK_EX | LOCK_NB), 0) << "no lock of that kind is in the way";
    EXPECT_EQ(::fcntl(file, F_GETLK, &lock), 0);
    EXPECT_EQ(lock.l_type, F_WRLCK);
    ::close(file);
}

TEST_F(DataDirectoryTest, SaysWhyItCannotBeUsed) {
    std::ofstream(path("file")) << "x";
    ::chmod(path("file").c_str(), 0644);
    const auto file = DataDirectory::take(path("file"));
    ASSERT_FALSE(file.has_value());
    EXPECT_THAT(file.error().message, AllOf(HasSubstr("Not a directory"), HasSubstr("--data")));
    EXPECT_EQ(mode(path("file")), 0644U) << "it is not ours to change";
    const auto below = DataDirectory::take(path("file") / "data");
    ASSERT_FALSE(below.has_value());
    EXPECT_THAT(below.error().message, HasSubstr("Not a directory"));
    const auto proc = DataDirectory::take("/proc/millrace/data");
    ASSERT_FALSE(proc.has_value());
    EXPECT_EQ(proc.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(DataDirectoryTest, SaysThatThisUserMayNotCreateIt) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
    ::chmod(directory_.path().c_str(), 0755);
    const pid_t child = ::fork();
    if (child == 0) {
        if (::setuid(65534) != 0) ::_exit(1);
        const auto made = DataDirectory::take(path("data"));
        const auto message = made.has_value() ? "" : made.error().message;
        ::_exit(message.find("Permission denied") != std::string::npos ? 0 : 2);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// Someone else's folder may hold anything.
TEST_F(DataDirectoryTest, WritesIntoNothingButItsOwnLock) {
    fs::create_directory(path("data"));
    std::ofstream(path("precious")) << "x";
    fs::create_symlink(path("precious"), path("data") / "up.lock");
    EXPECT_FALSE(DataDirectory::take(path("data")).has_value());
    EXPECT_EQ(fs::file_size(path("precious")), 1U);
    fs::remove(path("data") / "up.lock");
    std::ofstream(path("data") / "logs") << "x";
    ::chmod((path("data") / "logs").c_str(), 0644);
    EXPECT_FALSE(DataDirectory::take(path("data")).has_value());
    EXPECT_EQ(mode(path("data") / "logs"), 0644U);
}

TEST_F(DataDirectoryTest, FollowsALink) {
    fs::create_directory(path("real"));
    fs::create_symlink(path("real"), path("link"));
    ASSERT_TRUE(DataDirectory::take(path("link")).has_value());
    EXPECT_TRUE(fs::exists(path("real") / "up.lock"));
}

TEST(DataDirectoryPath, IsAbsoluteAndNamesTheFolderItself) {
    EXPECT_EQ(data_directory("/a/b/")->string(), "/a/b");
    EXPECT_EQ(data_directory("/a/./b/../c")->string(), "/a/c");
    EXPECT_EQ(data_directory("x")->string(), (fs::current_path() / "x").string());
}

}  // namespace
}  // namespace millrace::cli::up

#include "common/process/program.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "common/process/temporary_directory.h"

namespace millrace::process {
namespace {

namespace fs = std::filesystem;

void write_file(const fs::path& path, fs::perms permissions) {
    std::ofstream(path) << "#!/bin/sh\n";
    fs::permissions(path, permissions);
}

TEST(FindProgram, LooksOnPath) {
    EXPECT_TRUE(find_program("sh"));
}

TEST(FindProgram, PrefersTheGivenFolders) {
    const auto folder = TemporaryDirectory::make("millrace-test-").value();
    write_file(folder.path() / "sh", fs::perms::owner_all);
    const fs::path folders[] = {"/no/such/folder", folder.path()};
    EXPECT_EQ(find_program("sh", folders), folder.path() / "sh");
}

TEST(FindProgram, IgnoresWhatIsNotExecutable) {
    const auto folder = TemporaryDirectory::make("millrace-test-").value();
    write_file(folder.path() / "data", fs::perms::owner_read);
    const fs::path folders[] = {folder.path()};
    EXPECT_FALSE(find_program("data", folders));
    EXPECT_FALSE(find_program((folder.path() / "data").string()));
    EXPECT_FALSE(find_program(folder.path().string()));
}

TEST(FindOwnProgram, LooksBesideTheRunningProgram) {
    const fs::path self = fs::read_symlink("/proc/self/exe");
    EXPECT_EQ(find_own_program(self.filename().string()), self);
}

TEST(FindUser, FindsByNameAndId) {
    const auto root = find_user("root");
    ASSERT_TRUE(root);
    EXPECT_EQ(root->uid, 0U);
    EXPECT_EQ(find_user(uid_t{0})->name, "root");
    EXPECT_FALSE(find_user("no-such-user-at-all"));
}

TEST(TemporaryDirectory, IsPrivateAndGoesWithTheObject) {
    fs::path path;
    {
        const auto folder = TemporaryDirectory::make("millrace-test-").value();
        path = folder.path();
        fs::create_directories(path / "a" / "b");
        write_file(path / "a" / "file", fs::perms::owner_all);
        EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
    }
    EXPECT_FALSE(fs::exists(path));
}

// Sets an environment variable while the object lives.
class Variable {
 public:
    Variable(const char* name, const char* value) : name_(name) {
        const char* before = std::getenv(name);
        if (before != nullptr) before_ = before;
        ::setenv(name, value, 1);
    }
    ~Variable() {
        if (before_) {
            ::setenv(name_, before_->c_str(), 1);
        } else {
            ::unsetenv(name_);
        }
    }

 private:
    const char* name_;
    std::optional<std::string> before_;
};

TEST(TemporaryDirectory, IgnoresATmpdirThatCannotBeUsed) {
    for (const auto* folder : {"/no/such/folder", "/proc", "", "relative"}) {
        const Variable tmpdir("TMPDIR", folder);
        const auto made = TemporaryDirectory::make("millrace-test-");
        ASSERT_TRUE(made.has_value()) << folder << ": " << made.error().message;
        EXPECT_EQ(made->path().parent_path(), "/tmp");
    }
}

TEST(TemporaryDirectory, IsWhereItsPathIsShortEnoughForItsUse) {
    const auto outer = TemporaryDirectory::make("millrace-test-").value();
    const auto folder = outer.path() / "a,b";
    fs::create_directory(folder);
    const Variable tmpdir("TMPDIR", folder.c_str());
    EXPECT_EQ(TemporaryDirectory::make("millrace-test-")->path().parent_path(), folder);
    const auto has_no_comma = [](const fs::path& path) {
        return path.native().find(',') == std::string::npos;
    };
    const auto made = TemporaryDirectory::make("millrace-test-", std::nullopt, has_no_comma);
    EXPECT_EQ(made->path().parent_path(), "/tmp");
    const auto none = [](const fs::path& /*path*/) { return false; };
    EXPECT_FALSE(TemporaryDirectory::make("millrace-test-", std::nullopt, none).has_value());
}

TEST(EnvironmentWithout, LeavesOutVariablesWithThePrefix) {
    const Variable kept("MILLRACE_TEST_A", "a=b");
    const Variable left_out("PGHOST", "elsewhere");
    const auto environment = environment_without("PG");
    EXPECT_EQ(environment.at("MILLRACE_TEST_A"), "a=b");
    EXPECT_FALSE(environment.contains("PGHOST"));
    EXPECT_TRUE(environment_without("").contains("PGHOST"));
}

}  // namespace
}  // namespace millrace::process

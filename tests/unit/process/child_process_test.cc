#include "common/process/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "common/process/fd.h"
#include "common/process/temporary_directory.h"
#include "tests/support/eventually.h"

namespace millrace::process {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kLong = 30s;  // Only a broken test waits this long.

// Collects a child's lines; wait_for_count() returns once there are enough.
class Lines {
 public:
    std::function<void(std::string_view)> handler() {
        return [this](std::string_view line) {
            const std::lock_guard lock(mutex_);
            lines_.emplace_back(line);
            changed_.notify_all();
        };
    }

    bool wait_for_count(std::size_t count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, kLong, [&] { return lines_.size() >= count; });
    }

    std::vector<std::string> get() {
        const std::lock_guard lock(mutex_);
        return lines_;
    }

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> lines_;
};

ChildOptions shell(const std::string& script) {
    return {.argv = {"sh", "-c", script}};
}

ChildOptions shell(const std::string& script, Lines& lines) {
    ChildOptions options = shell(script);
    options.on_line = lines.handler();
    return options;
}

bool process_exists(pid_t pid) {
    return ::kill(pid, 0) == 0;
}

TEST(ChildProcess, ReportsTheExitCode) {
    auto child = ChildProcess::start(shell("exit 3")).value();
    const auto status = child.wait(kLong);
    ASSERT_TRUE(status);
    EXPECT_FALSE(status->ok());
    EXPECT_EQ(status->str(), "exit code 3");
    EXPECT_FALSE(child.running());
}

TEST(ChildProcess, ReportsTheSignalThatEndedIt) {
    auto child = ChildProcess::start(shell("kill -9 $$")).value();
    const auto status = child.wait(kLong);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->signal, SIGKILL);
}

TEST(ChildProcess, NamesTheProgramThatIsMissing) {
    const auto child = ChildProcess::start({.argv = {"no-such-program-at-all"}});
    ASSERT_FALSE(child.has_value());
    EXPECT_EQ(child.error().code, ErrorCode::kNotFound);
    EXPECT_THAT(child.error().message, HasSubstr("no-such-program-at-all"));
}

TEST(ChildProcess, RunsOnItsProcessorsOnly) {
    cpu_set_t allowed;
    ASSERT_EQ(::sched_getaffinity(0, sizeof allowed, &allowed), 0);
    int last = 0;
    for (int i = 0; i < CPU_SETSIZE; ++i) {
        if (CPU_ISSET(i, &allowed)) last = i;
    }
    auto options = shell("sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status");
    options.processors = {last};
    EXPECT_EQ(run_to_end(options, kLong).value(), std::to_string(last) + "\n");
    cpu_set_t after;
    ASSERT_EQ(::sched_getaffinity(0, sizeof after, &after), 0);
    EXPECT_TRUE(CPU_EQUAL(&allowed, &after));
}

TEST(ChildProcess, DoesNotStartIfNoneOfItsProcessorsExists) {
    auto options = shell("true");
    options.processors = {CPU_SETSIZE - 1};
    const auto child = ChildProcess::start(options);
    ASSERT_FALSE(child.has_value());
    EXPECT_THAT(child.error().message, HasSubstr("none of its processors exists"));
}

TEST(ChildProcess, NamesTheStepOfTheStartThatFailed) {
    ChildOptions options = shell("true");
    options.directory = "/no/such/directory";
    const auto child = ChildProcess::start(options);
    ASSERT_FALSE(child.has_value());
    EXPECT_EQ(child.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(child.error().message, HasSubstr("chdir"));
}

TEST(ChildProcess, DeliversEveryLineBeforeTheStatus) {
    Lines lines;
    auto child =
        ChildProcess::start(shell("echo one; echo two >&2; echo; printf end", lines)).value();
    ASSERT_TRUE(child.wait(kLong));
    EXPECT_THAT(lines.get(), ElementsAre("one", "two", "", "end"));
}

TEST(ChildProcess, CutsLinesThatAreTooLong) {
    Lines lines;
    auto child =
        ChildProcess::start(shell("head -c 20000 /dev/zero | tr '\\0' x; echo; echo y", lines))
            .value();
    ASSERT_TRUE(child.wait(kLong));
    std::string joined;
    for (const std::string& line : lines.get()) {
        EXPECT_LE(line.size(), kLineBytesMax);
        joined += line;
    }
    EXPECT_EQ(joined, std::string(20000, 'x') + "y");
}

TEST(ChildProcess, ExitIsSeenWhileADescendantKeepsTheOutputOpen) {
    Lines lines;
    auto child = ChildProcess::start(shell("sleep 60 & echo $!", lines)).value();
    ASSERT_TRUE(child.wait(kLong));
    ASSERT_EQ(lines.get().size(), 1U);
    ::kill(std::stoi(lines.get().front()), SIGKILL);
}

TEST(ChildProcess, AppendsOutputToAFile) {
    const auto folder = TemporaryDirectory::make("millrace-test-").value();
    ChildOptions options = shell("echo out; echo err >&2");
    options.output_file = folder.path() / "log";
    for (int run = 0; run < 2; ++run) {
        ASSERT_TRUE(ChildProcess::start(options).value().wait(kLong));
    }
    std::ifstream file(options.output_file);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(text, "out\nerr\nout\nerr\n");
}

TEST(ChildProcess, PassesEnvironmentAndDirectory) {
    const auto folder = TemporaryDirectory::make("millrace-test-").value();
    Lines lines;
    ChildOptions options = shell("echo $GREETING; pwd; echo ${PATH:+path}", lines);
    options.env = {{"GREETING", "hello"}};
    options.directory = folder.path();
    ASSERT_TRUE(ChildProcess::start(options).value().wait(kLong));
    EXPECT_THAT(lines.get(), ElementsAre("hello", folder.path().string(), "path"));
}

TEST(ChildProcess, InheritsNoOtherDescriptor) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);  // Not close-on-exec.
    Lines lines;
    auto child = ChildProcess::start(shell("ls /proc/self/fd | tr '\\n' ' '", lines)).value();
    ASSERT_TRUE(child.wait(kLong));
    EXPECT_THAT(lines.get(), ElementsAre("0 1 2 3 "));  // 3 is ls reading the directory.
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST(ChildProcess, FindsItsChannelAtDescriptorThree) {
    // There are many descriptors, so the channel is seldom at 3 before the start, but the pipe in
    // between may be.
    for (int round = 0; round < 3; ++round) {
        auto [ours, theirs] = make_socket_pair().value();
        ChildOptions options = shell("read word <&3; echo \"got $word\" >&3; ls /proc/self/fd >&3");
        options.channel = theirs.get();
        auto child = ChildProcess::start(options).value();
        theirs.reset();
        ASSERT_EQ(::write(ours.get(), "hello\n", 6), 6);
        std::string answer;
        char byte = 0;
        while (::read(ours.get(), &byte, 1) == 1) answer += byte;
        EXPECT_EQ(answer, "got hello\n0\n1\n2\n3\n4\n");  // 4 is ls reading the directory.
        EXPECT_TRUE(child.wait(kLong)->ok());
    }
}

TEST(ChildProcess, NeedNotInheritTheEnvironment) {
    Lines lines;
    ChildOptions options = shell("echo ${HOME-no home} $GREETING", lines);
    options.env = {{"GREETING", "hello"}};
    options.inherit_env = false;
    ASSERT_TRUE(ChildProcess::start(options).value().wait(kLong));
    EXPECT_THAT(lines.get(), ElementsAre("no home hello"));
}

TEST(ChildProcess, ASignalReachesItsOwnChildren) {
    Lines lines;
    auto child = ChildProcess::start(shell("sleep 60 & echo $!; wait", lines)).value();
    ASSERT_TRUE(lines.wait_for_count(1));
    child.send_to_group(SIGKILL);
    EXPECT_EQ(child.wait(kLong)->signal, SIGKILL);
    EXPECT_TRUE(wait_until_gone(std::stoi(lines.get().front()), kLong));
    child.send_to_group(SIGKILL);  // No process is left to hit.
}

TEST(ChildProcess, SignalsItsEndThroughADescriptor) {
    auto child = ChildProcess::start(shell("exit 0")).value();
    pollfd watched{child.end_fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&watched, 1, static_cast<int>(milliseconds(kLong).count())), 1);
    EXPECT_TRUE(child.wait(0ms)->ok());
}

TEST(ChildProcess, HeldStandardInputEndsWithTheObject) {
    Lines lines;
    ChildOptions options = shell("echo ready; cat; echo closed", lines);
    options.hold_stdin = true;
    auto child = ChildProcess::start(options).value();
    ASSERT_TRUE(lines.wait_for_count(1));
    EXPECT_TRUE(child.running());
}

TEST(ChildProcess, TerminateFirstAsks) {
    Lines lines;
    auto child =
        ChildProcess::start(
            shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done", lines))
            .value();
    ASSERT_TRUE(lines.wait_for_count(1));
    EXPECT_TRUE(child.terminate(kLong).ok());
    EXPECT_THAT(lines.get(), ElementsAre("ready", "bye"));
}

TEST(ChildProcess, TerminateKillsAProcessThatIgnoresIt) {
    Lines lines;
    auto child =
        ChildProcess::start(shell("trap '' TERM; echo ready; while :; do sleep 0.01; done", lines))
            .value();
    ASSERT_TRUE(lines.wait_for_count(1));
    EXPECT_EQ(child.terminate(50ms).signal, SIGKILL);
}

TEST(ChildProcess, DestructorEndsTheChild) {
    pid_t pid = 0;
    {
        const auto child = ChildProcess::start(shell("exec sleep 60")).value();
        pid = child.pid();
        EXPECT_TRUE(process_exists(pid));
    }
    EXPECT_FALSE(process_exists(pid));
}

TEST(ChildProcess, OutlivesTheThreadThatStartedIt) {
    Lines lines;
    std::optional<ChildProcess> child;
    std::filesystem::path thread;
    std::thread([&] {
        thread = "/proc/self/task/" + std::to_string(::gettid());
        child =
            ChildProcess::start(
                shell("trap 'echo alive' USR1; echo ready; while :; do sleep 0.01; done", lines))
                .value();
    }).join();
    ASSERT_TRUE(lines.wait_for_count(1));
    // When the kernel has let go of the thread, it has sent its children what it sends them.
    ASSERT_TRUE(test::eventually([&] { return !std::filesystem::exists(thread); }));
    ASSERT_EQ(::kill(child->pid(), SIGUSR1), 0);
    EXPECT_TRUE(lines.wait_for_count(2));
}

// Runs as the parent in the next test, in a process of its own, until it is killed.
void start_a_grandchild_and_pause() {
    const auto child = ChildProcess::start(shell("exec sleep 60")).value();
    std::printf("grandchild=%d\n", child.pid());
    std::fflush(stdout);
    ::pause();
}

TEST(ChildProcess, DiesWithAParentThatIsKilled) {
    if (std::getenv("MILLRACE_TEST_PARENT") != nullptr) start_a_grandchild_and_pause();

    // This process adopts the grandchild, and so sees its end.
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    std::promise<pid_t> grandchild;
    ChildOptions options{.argv = {"/proc/self/exe", "--gtest_filter=*WithAParentThatIsKilled"},
                         .env = {{"MILLRACE_TEST_PARENT", "1"}}};
    options.on_line = [&](std::string_view line) {
        constexpr std::string_view kReport = "grandchild=";
        if (line.starts_with(kReport)) {
            grandchild.set_value(std::stoi(std::string(line.substr(kReport.size()))));
        }
    };
    auto parent = ChildProcess::start(options).value();
    auto future = grandchild.get_future();
    ASSERT_EQ(future.wait_for(kLong), std::future_status::ready);
    const pid_t pid = future.get();
    parent.kill();

    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status));
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST(RunToEnd, ReturnsTheOutput) {
    EXPECT_EQ(run_to_end(shell("echo one; echo two"), kLong).value(), "one\ntwo\n");
}

TEST(RunToEnd, FailureCarriesTheOutput) {
    const auto result = run_to_end(shell("echo because; exit 4"), kLong);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(result.error().message, HasSubstr("exit code 4: because"));
}

TEST(RunToEnd, StopsOnRequest) {
    std::stop_source stop;
    stop.request_stop();
    const auto result = run_to_end(shell("exec sleep 60"), kLong, stop.get_token());
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
}

TEST(RunToEnd, KillsAProcessThatTakesTooLong) {
    const auto result = run_to_end(shell("exec sleep 60"), 50ms);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kDeadlineExceeded);
}

// The program that started this one may ignore the ends of its children; children inherit that.
TEST(ChildProcessDeathTest, HasAnExitCodeEvenIfSigchldIsIgnored) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_EXIT(
        {
            std::signal(SIGCHLD, SIG_IGN);
            const auto failed = run_to_end({.argv = {"sh", "-c", "exit 3"}}, kLong);
            const auto inner = run_to_end({.argv = {"sh", "-c", "trap"}}, kLong);
            const bool is_fine = !failed.has_value() && inner.has_value() && inner->empty() &&
                                 failed.error().message.find("exit code 3") != std::string::npos;
            ::_exit(is_fine ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace millrace::process

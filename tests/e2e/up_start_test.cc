// How `millrace up` starts, or fails to: what a person sees, and how soon it can be stopped.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "common/process/fd.h"
#include "common/process/port_reservation.h"
#include "tests/e2e/up.h"
#include "tests/support/eventually.h"

namespace millrace::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Holds the port and never answers.
process::Fd listen_on(int port) {
    process::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd.get(), 1), 0);
    return fd;
}

class UpStart : public testing::Test {
 protected:
    std::string data() const { return (directory_.path() / "data").string(); }
    std::string write(const std::string& name, const std::string& text) {
        const auto path = directory_.path() / name;
        std::ofstream(path) << text;
        return path.string();
    }
    std::vector<std::string> up(std::vector<std::string> more) const {
        std::vector<std::string> arguments{"up", "--port", "0", "--data", data()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return arguments;
    }
    CommandResult run(std::vector<std::string> more) const { return run_command(up(more)); }
    testing::AssertionResult nothing_is_left() const {
        return eventually([this] { return processes_with(data()).empty(); }, "all processes end");
    }

    const process::TemporaryDirectory directory_ = make_up_directory();
    const Variable python_{"PYTHONPATH", python_path()};
};

TEST_F(UpStart, RefusesAPortThatIsTakenAndNamesItsHolder) {
    const auto port = process::PortReservation::any().value();
    const auto holder = listen_on(port.port());
    const auto result =
        run_command({"up", "--port", std::to_string(port.port()), "--data", data()});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output,
                AllOf(HasSubstr(fmt::format("port {} of 127.0.0.1", port.port())),
                      HasSubstr(fmt::format("(process {})", ::getpid())), HasSubstr("--port")));
    EXPECT_FALSE(fs::exists(data() + "/postgres"));
}

TEST_F(UpStart, NeverMistakesAnotherStackForItsOwn) {
    RunningCommand first(up({}));
    const auto url = url_of(first);
    const auto port = url.substr(url.rfind(':') + 1);
    const auto second = run_command({"up", "--port", port, "--data", data() + "-2"});
    EXPECT_EQ(second.exit_code, 2);
    EXPECT_THAT(second.output,
                AllOf(HasSubstr("another Millrace uses it"), Not(HasSubstr("is up at"))));
    EXPECT_EQ(interrupt(first).exit_code, 0);
}

TEST_F(UpStart, RefusesMistakesBeforeItStartsAnything) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes{
        {{"--set", "worker.slot=4"}, "did you mean worker.slots? (from --set worker.slot)"},
        {{"--set", "job.ttl=5"}, "not a duration"},
        {{"--set", "worker.slots"}, "--set takes name=value"},
        {{"--model", "/nonexistent.gguf"}, "/nonexistent.gguf"},
        {{"--process", "python3 'x.py"}, "quotes are not balanced"},
        {{"--backend-url", "ftp://127.0.0.1/v1"},
         "must begin with http:// or https://, not ftp://"},
        {{"--backend-url", "[http://127.0.0.1]"}, "is not a URL"},
        {{"--set", "backend.oip.url=http://user:secret@127.0.0.1"}, "a user or password"},
        {{"--workers", "2", "--set", "backend.openai.url=http://a b"}, "is not a URL"},
        {{"--process", "true", "--process", "true", "--set", "backend.oip.url=http://[x"},
         "is not a URL"},
        {{"--config", write("bad.yaml", "gateway: {prot: 1}")}, "bad.yaml:1"},
        {{"--config", "/nonexistent.yaml"}, "--config /nonexistent.yaml"}};
    for (const auto& [arguments, said] : mistakes) {
        const auto result = run(arguments);
        EXPECT_EQ(result.exit_code, 2) << result.output;
        EXPECT_THAT(result.output, HasSubstr(said));
    }
    for (const std::string command : {"up", "down", "reload", "logs"}) {
        const auto result = run_command({command, "--data", ""});
        EXPECT_EQ(result.exit_code, 2) << result.output;
        EXPECT_THAT(result.output, HasSubstr("--data: the value is empty"));
    }
    const Variable unknown("MILLRACE_FOO", "1");
    const auto result = run({});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output, HasSubstr("variable MILLRACE_FOO is not a setting"));
    EXPECT_FALSE(fs::exists(data()));
}

TEST_F(UpStart, RefusesADirectoryThatPostgresCannotEnter) {
    if (::geteuid() != 0) GTEST_SKIP() << "PostgreSQL runs as this user then";
    const auto closed = directory_.path() / "closed";
    fs::create_directory(closed);
    fs::permissions(closed, fs::perms(0700));
    const auto result = run_command({"up", "--port", "0", "--data", (closed / "data").string()});
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, AllOf(HasSubstr("cannot enter " + closed.string()),
                                     HasSubstr("chmod o+x " + closed.string()),
                                     Not(HasSubstr("starting PostgreSQL"))));
}

TEST_F(UpStart, SaysWhyAPartDidNotStartAndStops) {
    const auto broken = write("broken.py", "import no_such_module_anywhere\n");
    const std::vector<std::pair<std::vector<std::string>, std::string>> troubles{
        {{"--process", "python3 /nonexistent/model.py"}, "No such file or directory"},
        {{"--process", "pythn3 model.py"}, "no program pythn3"},
        {{"--process", "python3 " + broken}, "No module named 'no_such_module_anywhere'"},
        {{"--set", "gateway.host=192.0.2.1"}, "192.0.2.1"}};
    for (const auto& [arguments, said] : troubles) {
        const auto result = run(arguments);
        EXPECT_NE(result.exit_code, 0);
        EXPECT_THAT(result.output, AllOf(HasSubstr(said), Not(HasSubstr("is up at"))));
        EXPECT_TRUE(nothing_is_left());
    }
}

// Nothing steals it in time, so it must come by its message.
TEST_F(UpStart, GivesTheFirstJobToAWorkerThatListens) {
    RunningCommand stack(up({"--set", "worker.steal_interval=5m"}));
    const auto url = url_of(stack);
    const auto result =
        run_command({"--url", url, "submit", "hello", "--model", "synthetic", "--wait"});
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_EQ(interrupt(stack).exit_code, 0);
}

TEST_F(UpStart, ObeysCtrlCAtEveryMoment) {
    const auto loading = write("loading.py", "import time\ntime.sleep(3600)\n");
    for (const std::string moment : {"", "starting PostgreSQL", "worker 1 is starting python3"}) {
        fs::remove_all(data());
        RunningCommand starting(up({"--process", "python3 " + loading}));
        if (moment.empty()) {
            EXPECT_TRUE(eventually([&] { return fs::exists(data() + "/up.lock"); }));
        } else {
            starting.wait_for_line(moment);
        }
        const auto result = interrupt(starting);
        EXPECT_EQ(result.exit_code, 0) << moment << "\n" << result.output;
        EXPECT_THAT(result.output, HasSubstr("stopped; jobs and results are kept in"));
        EXPECT_TRUE(nothing_is_left()) << moment;
    }
    // What the interrupted start left behind does not hinder the next one.
    RunningCommand again(up({}));
    url_of(again);
    EXPECT_EQ(interrupt(again).exit_code, 0);
}

TEST_F(UpStart, LeavesNothingBehindWhenItIsKilled) {
    for (const std::string moment : {"starting PostgreSQL", "is up at"}) {
        RunningCommand killed(up({}));
        killed.wait_for_line(moment);
        killed.process().kill();
        EXPECT_TRUE(nothing_is_left()) << moment;
    }
    RunningCommand again(up({}));
    url_of(again);
    EXPECT_EQ(interrupt(again).exit_code, 0);
}

TEST_F(UpStart, StartsWhereverThereIsATmpdir) {
    const auto longest = directory_.path() / std::string(90, 'x');
    fs::create_directory(longest);
    fs::permissions(longest, fs::perms(01777));
    const auto spaces = directory_.path() / "a b";
    fs::create_directory(spaces);
    for (const auto& folder : {longest.string(), spaces.string(), std::string("/nonexistent")}) {
        const Variable tmpdir("TMPDIR", folder);
        RunningCommand stack(up({}));
        url_of(stack);
        EXPECT_EQ(interrupt(stack).exit_code, 0);
    }
}

TEST_F(UpStart, TakesADirectoryWithALongPathWithSpacesAndCommas) {
    const auto place = directory_.path() / ("a b, 'c' " + std::string(100, 'd'));
    // libpq would also take a comma there for a separator of two servers.
    const auto comma = directory_.path() / "x,y";
    fs::create_directory(comma);
    fs::permissions(comma, fs::perms(01777));
    const Variable tmpdir("TMPDIR", comma.string());
    RunningCommand stack({"up", "--port", "0", "--data", place.string()});
    const auto result = run_command({"--url", url_of(stack), "submit", "--wait", "hello"});
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_EQ(interrupt(stack).exit_code, 0);
    EXPECT_FALSE(fs::is_symlink(place / "postgres.socket"));
}

TEST_F(UpStart, UsesItsOwnPostgresWhateverTheEnvironmentSays) {
    const Variable host("PGHOST", "192.0.2.1");
    const Variable address("PGHOSTADDR", "192.0.2.1");
    const Variable port("PGPORT", "6543");
    const Variable options("PGOPTIONS", "-c search_path=elsewhere");
    const Variable service("PGSERVICE", "elsewhere");
    const Variable conninfo("MILLRACE_POSTGRES_CONNINFO", "host=192.0.2.1 password=secret");
    RunningCommand stack(up({}));
    const auto result = run_command({"--url", url_of(stack), "submit", "--wait", "hello"});
    EXPECT_EQ(result.exit_code, 0) << result.output;
    const auto ended = interrupt(stack);
    EXPECT_THAT(ended.output, AllOf(HasSubstr("postgres.conninfo (from variable"),
                                    HasSubstr("is not used"), Not(HasSubstr("secret"))));
}

}  // namespace
}  // namespace millrace::test

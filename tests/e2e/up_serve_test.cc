// What `millrace up` serves and shows once it runs, and the commands that belong to it.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "common/http/http_client.h"
#include "common/process/log_file.h"
#include "common/process/port_reservation.h"
#include "common/process/program.h"
#include "tests/e2e/up.h"
#include "tests/support/eventually.h"

namespace millrace::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class UpServe : public testing::Test {
 protected:
    std::string data() const { return (directory_.path() / "data").string(); }
    // Writes a program that serves a model of that name and answers with the value of the
    // expression.
    std::string write_program(const std::string& name, const std::string& expression) {
        fs::create_directories(directory_.path() / "my models");
        const auto path = directory_.path() / "my models" / (name + ".py");
        std::ofstream(path) << fmt::format(
            "import os, sys\nfrom millrace_worker import serve\n"
            "serve(lambda batch, context: [{{'text': {}}} for item in batch], models=['{}'])\n",
            expression, name);
        return path.string();
    }
    std::vector<std::string> up(std::vector<std::string> more) const {
        std::vector<std::string> arguments{"up", "--port", "0", "--data", data()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return arguments;
    }
    static std::string answer(const std::string& url, const std::string& model) {
        const auto result = run_command({"--url", url, "submit", "--wait", "-m", model, "hello"});
        EXPECT_EQ(result.exit_code, 0) << result.output;
        return result.output;
    }

    const process::TemporaryDirectory directory_ = make_up_directory();
    const Variable python_{"PYTHONPATH", python_path()};
};

TEST_F(UpServe, ACommandThatItShowsWorksAsItIs) {
    const auto program = write_program("shout", "item.input['prompt'].upper()");
    RunningCommand stack(up({"--process", fmt::format("python3 '{}'", program)}));
    const auto url = url_of(stack);
    EXPECT_THAT(stack.wait_for_line("models:"), Not(HasSubstr("synthetic")));
    const auto shown = stack.wait_for_line("try: ");
    const auto result = process::run_to_end(
        {.argv = {"sh", "-c", shown.substr(shown.find(' ') + 1)}}, std::chrono::minutes(1));
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_THAT(*result, HasSubstr("HELLO"));
    EXPECT_THAT(stack.wait_for_line("logs: "), HasSubstr(data() + "/logs"));
    EXPECT_EQ(interrupt(stack).exit_code, 0);
}

TEST_F(UpServe, SeveralProgramsWithTheEnvironmentThatItHas) {
    const Variable home("HF_HOME", "/models/hf, old");
    const Variable host("PGHOST", "theirs,too");
    const Variable secret("MILLRACE_BACKEND_OPENAI_API_KEY", "sk-secret");
    const auto first = write_program("first", "os.environ['HF_HOME'] + ' ' + sys.argv[1]");
    const auto second = write_program(
        "second",
        "str([os.environ.get(n) for n in ('PGHOST', 'MILLRACE_BACKEND_OPENAI_API_KEY')])");
    RunningCommand stack(
        up({"--process", fmt::format("python3 '{}' \"it's, 1\"", first), "--process",
            fmt::format("python3 '{}'", second), "--set", "backend.synthetic.enabled=true"}));
    const auto url = url_of(stack);
    EXPECT_THAT(answer(url, "first"), HasSubstr("/models/hf, old it's, 1"));
    EXPECT_THAT(answer(url, "second"), HasSubstr("['theirs,too', None]"));
    EXPECT_THAT(answer(url, "synthetic"), Not(HasSubstr("error")));
    EXPECT_EQ(interrupt(stack).exit_code, 0);
}

// A server of its own with a chat model `m`.
constexpr const char* kChatServer = R"(import http.server, json, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, kind, text):
        self.send_response(200)
        self.send_header('Content-Type', kind)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        if self.path.endswith('/models'):
            return self.answer('application/json', json.dumps({'data': [{'id': 'm'}]}))
        self.send_error(404)

    def do_POST(self):
        self.rfile.read(int(self.headers['Content-Length']))
        chunk = {'choices': [{'index': 0, 'delta': {'content': 'a later answer'},
                              'finish_reason': 'stop'}]}
        self.answer('text/event-stream', 'data: %s\n\ndata: [DONE]\n\n' % json.dumps(chunk))

http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
)";

TEST_F(UpServe, WaitsForAModelServerThatComesLater) {
    const auto port = process::PortReservation::any().value();
    const auto url = fmt::format("http://127.0.0.1:{}/v1", port.port());
    RunningCommand stack(up({"--backend-url", url}));
    stack.wait_for_line("worker 1 is asking " + url);
    stack.wait_for_line("worker 1: waiting for a model server");
    EXPECT_THAT(stack.output(), Not(HasSubstr("is up at")));

    const auto script = directory_.path() / "server.py";
    std::ofstream(script) << kChatServer;
    auto server = process::ChildProcess::start(
        {.argv = {"python3", script.string(), std::to_string(port.port())},
         .output_file = directory_.path() / "server.log"});
    ASSERT_TRUE(server.has_value());
    url_of(stack);
    EXPECT_THAT(stack.wait_for_line("models: "), Not(HasSubstr("synthetic")));
    const auto shown = stack.wait_for_line("try: ");
    const auto result = process::run_to_end(
        {.argv = {"sh", "-c", shown.substr(shown.find(' ') + 1)}}, std::chrono::minutes(1));
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_THAT(*result, HasSubstr("a later answer"));
    EXPECT_EQ(interrupt(stack).exit_code, 0);
}

TEST_F(UpServe, ReloadsChangedCode) {
    const auto program = write_program("m", "'before'");
    RunningCommand stack(up({"--process", fmt::format("python3 '{}'", program)}));
    const auto url = url_of(stack);
    EXPECT_THAT(answer(url, "m"), HasSubstr("before"));

    write_program("m", "undefined(");
    const auto reload = run_command({"reload", "--data", data()});
    EXPECT_EQ(reload.exit_code, 0);
    EXPECT_THAT(reload.output, HasSubstr("asked `millrace up` to reload"));
    EXPECT_THAT(stack.wait_for_line("not reloaded; keeping the current settings"),
                HasSubstr("SyntaxError"));
    EXPECT_THAT(answer(url, "m"), HasSubstr("before"));

    write_program("m", "'after'");
    stack.process().send(SIGHUP);
    stack.wait_for_line("worker 1: reloaded the settings");
    EXPECT_TRUE(eventually([&] { return answer(url, "m").find("after") != std::string::npos; }));
    EXPECT_EQ(interrupt(stack).exit_code, 0);
}

TEST_F(UpServe, ReadsItsFileAgain) {
    const auto program = write_program("m", "'text'");
    const auto file = (directory_.path() / "up.yaml").string();
    std::ofstream(file) << fmt::format("backend:\n  process:\n    command: [python3, '{}']\n",
                                       program);
    RunningCommand stack(up({"--config", file}));
    const auto url = url_of(stack);
    EXPECT_THAT(answer(url, "m"), HasSubstr("text"));

    std::ofstream(file) << "gateway: {threads: many}\n";
    stack.process().send(SIGHUP);
    stack.wait_for_line("keeping the current settings; the new ones are invalid:");

    std::ofstream(file) << fmt::format(
        "gateway: {{threads: 2}}\nbackend:\n  process:\n    command: [python3, '{}']\n",
        write_program("other", "'another text'"));
    stack.process().send(SIGHUP);
    EXPECT_THAT(stack.wait_for_line("the gateway applies these when"),
                HasSubstr("gateway.threads"));
    stack.wait_for_line("worker 1: reloaded the settings");
    EXPECT_THAT(answer(url, "other"), HasSubstr("another text"));
    EXPECT_EQ(interrupt(stack).exit_code, 0);
}

TEST_F(UpServe, SaysWhyAPartEndedAndStartsItAgain) {
    RunningCommand stack(up({}));
    const auto url = url_of(stack);
    ::kill(child_of(stack.process().pid(), "millrace-worker"), SIGKILL);
    EXPECT_THAT(stack.wait_for_line("worker 1 ended"), HasSubstr("signal 9 (Killed)"));
    stack.wait_for_line("worker 1 is running again");
    // The killed worker is still listed as alive, but it is not counted.
    EXPECT_THAT(stack.wait_for_line("1 worker,"), HasSubstr("0 running"));
    EXPECT_EQ(interrupt(stack).exit_code, 0);
    EXPECT_THAT(stack.output(), Not(HasSubstr("2 workers")));
}

TEST_F(UpServe, ShowsItsLogs) {
    RunningCommand stack(up({}));
    url_of(stack);
    const auto all = run_command({"logs", "--data", data()});
    EXPECT_EQ(all.exit_code, 0);
    EXPECT_THAT(all.output, AllOf(HasSubstr("gateway.log"), HasSubstr("worker-1.log"),
                                  HasSubstr("postgres.log")));
    const auto one = run_command({"logs", "gateway", "-n", "1", "--data", data()});
    EXPECT_THAT(one.output, AllOf(HasSubstr("millrace-gateway"), Not(HasSubstr("==>"))));
    const auto none = run_command({"logs", "gatway", "--data", data()});
    EXPECT_EQ(none.exit_code, 2);
    EXPECT_THAT(none.output, HasSubstr("the parts are gateway, postgres, worker-1"));
    RunningCommand following({"logs", "worker", "-f", "--data", data()});
    following.wait_for_line("millrace-worker");
    EXPECT_EQ(interrupt(stack).exit_code, 0);
    following.wait_for_line("stopped");
}

TEST_F(UpServe, IsStoppedByACommand) {
    RunningCommand stack(up({}));
    url_of(stack);
    EXPECT_EQ(run_command({"down", "--data", data()}).exit_code, 0);
    EXPECT_EQ(stack.wait().exit_code, 0);
    const auto again = run_command({"down", "--data", data()});
    EXPECT_EQ(again.exit_code, 2);
    EXPECT_THAT(again.output, HasSubstr("no `millrace up` runs on " + data()));
}

// The file may name a process id that another process has had for a long time.
TEST_F(UpServe, SignalsNobodyElse) {
    auto stranger = process::ChildProcess::start({.argv = {"sleep", "3600"}});
    ASSERT_TRUE(stranger.has_value());
    fs::create_directories(data());
    std::ofstream(data() + "/up.lock") << stranger->pid() << "\nhttp://127.0.0.1:1\n";
    for (const auto* command : {"down", "reload"}) {
        const auto refused = run_command({command, "--data", data()});
        EXPECT_EQ(refused.exit_code, 2);
        EXPECT_THAT(refused.output, HasSubstr("no `millrace up` runs on"));
    }
    {
        RunningCommand stack(up({}));
        url_of(stack);
        std::ofstream(data() + "/up.lock") << stranger->pid() << "\nhttp://127.0.0.1:1\n";
        EXPECT_EQ(run_command({"down", "--data", data()}).exit_code, 0);
        EXPECT_EQ(stack.wait().exit_code, 0);
    }
    EXPECT_TRUE(stranger->running());
}

TEST_F(UpServe, KeepsItsLogsWithinBounds) {
    RunningCommand stack(up({}));
    url_of(stack);
    for (const std::string log : {"/logs/worker-1.log", "/logs/gateway.log", "/postgres.log"}) {
        fs::resize_file(data() + log, process::kLogBytesMax + 1);
        EXPECT_TRUE(eventually([&] { return fs::file_size(data() + log) < 1'000'000; }, log));
        EXPECT_EQ(fs::file_size(data() + log + ".1"), process::kLogBytesMax);
    }
    ::kill(child_of(stack.process().pid(), "millrace-gateway"), SIGKILL);
    stack.wait_for_line("the gateway is running again");
    EXPECT_EQ(interrupt(stack).exit_code, 0);
}

TEST_F(UpServe, EndsAGatewayThatASignalHasStopped) {
    RunningCommand stack(up({"--set", "gateway.drain_timeout=10m"}));
    url_of(stack);
    ::kill(child_of(stack.process().pid(), "millrace-gateway"), SIGSTOP);
    EXPECT_EQ(run_command({"down", "--data", data()}).exit_code, 0);
    EXPECT_EQ(stack.wait().exit_code, 0);
}

TEST_F(UpServe, RunsWithNothingToReadFromOrPrintTo) {
    const auto port = process::PortReservation::any().value();
    const auto millrace = process::find_own_program("millrace").value();
    for (const std::string how : {"<&- >&- 2>&-", "</dev/null 2>&1 | true", "> /dev/full 2>&1"}) {
        auto shell = process::ChildProcess::start(
            {.argv = {"sh", "-c",
                      fmt::format("exec {} up --port {} --data {} {}", millrace.string(),
                                  port.port(), data(), how)}});
        ASSERT_TRUE(shell.has_value());
        const auto url = fmt::format("http://127.0.0.1:{}", port.port());
        http::Client client;
        EXPECT_TRUE(eventually(
            [&] {
                const auto ready = client.send({.url = url + "/readyz"});
                return ready.has_value() && ready->status == 200;
            },
            how, std::chrono::minutes(2)));
        EXPECT_EQ(run_command({"down", "--data", data()}).exit_code, 0);
        EXPECT_TRUE(shell->wait(std::chrono::minutes(1)).has_value());
    }
}

}  // namespace
}  // namespace millrace::test

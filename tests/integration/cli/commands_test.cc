// Commands against a gateway that misbehaves: lost answers, broken streams, refusals.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "common/process/temporary_directory.h"
#include "producer/cli/commands.h"
#include "tests/integration/cli/captured.h"
#include "tests/support/fake_server.h"

namespace millrace::cli {
namespace {

using Json = nlohmann::json;
using test::Exchange;
using testing::HasSubstr;

std::string event(const Json& data) {
    return data.dump();
}

void send_start(Exchange& exchange) {
    exchange.begin_stream();
    exchange.event(event({{"type", "job.queued"}}));
    exchange.event(event({{"type", "job.started"}, {"epoch", 1}, {"worker", "w"}}));
}

void send_delta(Exchange& exchange, const std::string& text) {
    exchange.event(event({{"type", "job.output.delta"}, {"delta", text}}));
}

TEST(Commands, ASubmissionWhoseAnswerIsLostIsSentAgainUnderTheSameKey) {
    std::mutex mutex;
    std::multiset<std::string> keys;
    test::FakeServer server([&](Exchange& exchange) {
        if (exchange.target().starts_with("GET")) {
            return exchange.reply(200, kJson,
                                  R"({"data":[{"state":"alive","models":["m"],"queues":[]}]})");
        }
        const std::lock_guard lock(mutex);
        keys.insert(exchange.header("idempotency-key"));
        if (keys.size() < 4) return exchange.close();
        exchange.reply(200, kJson, R"({"id":"job_1","status":"queued"})");
    });
    const auto outcome =
        captured([&] { return run_submit({.url = server.url()}, {.prompt = {"hello"}}); });
    EXPECT_EQ(outcome.code, kOk) << outcome.error;
    EXPECT_EQ(outcome.out, "job_1\n");
    EXPECT_THAT(outcome.error, HasSubstr("the gateway is unreachable"));
    ASSERT_EQ(keys.size(), 4U);
    EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), 1U);
    EXPECT_FALSE(keys.begin()->empty());
}

TEST(Commands, ASubmissionIsSentAgainEvenIfItIsTheFirstCall) {
    std::atomic<int> requests = 0;
    test::FakeServer server([&](Exchange& exchange) {
        if (++requests < 3) return exchange.close();
        exchange.reply(200, kJson, R"({"id":"job_1","status":"queued"})");
    });
    const auto outcome = captured(
        [&] { return run_submit({.url = server.url()}, {.prompt = {"hello"}, .model = "m"}); });
    EXPECT_EQ(outcome.code, kOk) << outcome.error;
    EXPECT_EQ(outcome.out, "job_1\n");
}

TEST(Commands, ASubmissionThatIsRefusedIsNotSentAgain) {
    std::atomic<int> requests = 0;
    test::FakeServer server([&](Exchange& exchange) {
        ++requests;
        exchange.reply(503, kJson, R"({"detail":"It is not ready."})");
    });
    const auto outcome = captured(
        [&] { return run_submit({.url = server.url()}, {.prompt = {"hello"}, .model = "m"}); });
    EXPECT_EQ(outcome.code, kUnreachable);
    EXPECT_EQ(outcome.error, "millrace: It is not ready.\n");
    EXPECT_EQ(requests, 1);
}

TEST(Commands, AMistypedQueueIsNamedBeforeAModelIsAskedFor) {
    test::FakeServer server([](Exchange& exchange) {
        exchange.reply(200, kJson,
                       exchange.target() == "GET /v1/queues"
                           ? R"({"data":[{"queue":"a"},{"queue":"b"},{"queue":"a"},7]})"
                           : R"({"data":[{"state":"alive","models":["m"],"queues":["a"]}]})");
    });
    const auto outcome = captured(
        [&] { return run_submit({.url = server.url()}, {.prompt = {"hello"}, .queue = "nope"}); });
    EXPECT_NE(outcome.code, kOk);
    EXPECT_THAT(outcome.error, HasSubstr("there is no queue \"nope\"; the known ones are a, b"));
}

TEST(Commands, AStreamThatBreaksRepeatsNoText) {
    std::atomic<int> streams = 0;
    test::FakeServer server([&](Exchange& exchange) {
        if (exchange.target() == "GET /v1/jobs/job_1?include=output") {
            return exchange.reply(
                200, kJson,
                R"({"id":"job_1","queue":"q","model":"m","wait":{"reason":"no_workers"}})");
        }
        send_start(exchange);
        if (++streams == 1) {
            send_delta(exchange, "one ");
            return exchange.close();
        }
        send_delta(exchange, "one two ");
        if (streams == 2) return exchange.close();
        send_delta(exchange, "three");
        const Json job{
            {"id", "job_1"}, {"status", "completed"}, {"output", {{"text", "one two three four"}}}};
        exchange.event(event({{"type", "job.completed"}, {"job", job}}));
        exchange.end_stream();
    });
    const auto outcome = captured([&] { return run_tail({.url = server.url()}, "job_1"); });
    EXPECT_EQ(outcome.code, kOk) << outcome.error;
    EXPECT_EQ(outcome.out, "one two three four\n");
    EXPECT_THAT(outcome.error, HasSubstr("no live worker of queue q serves the model m"));
    EXPECT_EQ(streams, 3);
}

// The gateway of these tests allows only small bodies.
class SmallGateway : public testing::Test {
 protected:
    static constexpr std::size_t kBytesMax = 400;

    Outcome submit(const std::vector<std::size_t>& sizes) {
        const auto file = directory_.path() / "jobs.jsonl";
        std::ofstream lines(file);
        for (const auto size : sizes) {
            lines << Json{{"model", "m"}, {"input", {{"prompt", std::string(size, 'x')}}}}.dump()
                  << "\n";
        }
        lines.close();
        return captured([&] {
            return run_submit({.url = server_.url(), .json = true}, {.jsonl = file.string()});
        });
    }

    process::TemporaryDirectory directory_ = *process::TemporaryDirectory::make("millrace-cli-");
    test::FakeServer server_{[](Exchange& exchange) {
        if (exchange.body().size() > kBytesMax) {
            return exchange.reply(413, kJson, R"({"detail":"The body is too large."})");
        }
        Json data = Json::array();
        const auto body = Json::parse(exchange.body());
        for (const auto& job : body["jobs"]) {
            data.push_back({{"id", fmt::format("job_{}", job["input"]["prompt"].dump().size())}});
        }
        exchange.reply(202, kJson, Json{{"data", data}}.dump());
    }};
};

TEST_F(SmallGateway, GetsSmallerBatches) {
    const auto outcome = submit({10, 20, 30, 40, 50, 60, 70, 80, 90});
    EXPECT_EQ(outcome.code, kOk) << outcome.error;
    std::istringstream lines(outcome.out);
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        EXPECT_EQ(Json::parse(line)["line"], number);
        EXPECT_EQ(Json::parse(line)["id"], fmt::format("job_{}", number * 10 + 2));
    }
    EXPECT_EQ(number, 9);
}

TEST_F(SmallGateway, RefusesTheOneJobThatIsTooLarge) {
    const auto outcome = submit({10, 20, 500, 40});
    EXPECT_EQ(outcome.code, kUsage);
    EXPECT_THAT(outcome.error, HasSubstr("line 3: The body is too large."));
    EXPECT_THAT(outcome.error, HasSubstr("3 of 4 jobs were accepted"));
    EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 4);
}

TEST(Commands, JsonLinesThatStopSayWhereToContinue) {
    auto directory = *process::TemporaryDirectory::make("millrace-cli-");
    const auto file = (directory.path() / "jobs.jsonl").string();
    std::ofstream lines(file);
    lines << "\n";
    for (int i = 0; i < 501; ++i)
        lines << R"({"model":"m","input":{}})"
              << "\n";
    lines.close();
    test::FakeServer server([](Exchange& exchange) {
        const auto jobs = Json::parse(exchange.body())["jobs"];
        if (jobs.size() < 500) return exchange.reply(429, kJson, R"({"detail":"It is full."})");
        Json data = Json::array();
        for (std::size_t i = 0; i < jobs.size(); ++i) data.push_back({{"id", "job_1"}});
        exchange.reply(202, kJson, Json{{"data", data}}.dump());
    });
    const auto outcome =
        captured([&] { return run_submit({.url = server.url()}, {.jsonl = file}); });
    EXPECT_EQ(outcome.code, kUnreachable);
    EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 500);
    EXPECT_THAT(outcome.error, HasSubstr("500 of 501 jobs were accepted"));
    EXPECT_THAT(outcome.error, HasSubstr("stopped before line 502: It is full."));
    EXPECT_THAT(outcome.error, HasSubstr("to continue, use the same options: tail -n +502 "));
    EXPECT_THAT(outcome.error, HasSubstr("tail -n +502 " + file));
}

TEST(Commands, JsonLinesAreAllCheckedBeforeOneIsSent) {
    auto directory = *process::TemporaryDirectory::make("millrace-cli-");
    const auto file = (directory.path() / "jobs.jsonl").string();
    std::ofstream(file) << "{\"model\":\"m\",\"input\":{}}\n"
                        << "{\"input\":{\"n\":1e400}}\n"
                        << "nonsense\n";
    std::atomic<int> requests = 0;
    test::FakeServer server([&](Exchange& exchange) {
        ++requests;
        exchange.reply(202, kJson, R"({"data":[{"id":"job_1"}]})");
    });
    const auto outcome =
        captured([&] { return run_submit({.url = server.url()}, {.jsonl = file}); });
    EXPECT_EQ(outcome.code, kUsage);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.error, "millrace: " + file +
                                 " line 2, column 15: a number too large for a double\n"
                                 "millrace: " +
                                 file +
                                 " line 3, column 1: expected a value\n"
                                 "millrace: nothing was submitted: 2 lines cannot be sent\n");
    EXPECT_EQ(requests, 0);
}

TEST(Commands, AFileReceivesNoTextOfAFailedAttempt) {
    test::FakeServer server([&](Exchange& exchange) {
        if (exchange.target().find("/events") == std::string::npos) {
            return exchange.reply(200, kJson, R"({"id":"job_1"})");
        }
        send_start(exchange);
        send_delta(exchange, "wrong");
        exchange.event(event({{"type", "job.retrying"},
                              {"error", {{"code", "model_error"}, {"message", "no memory"}}}}));
        exchange.event(event({{"type", "job.started"}, {"epoch", 2}, {"worker", "w"}}));
        send_delta(exchange, "ri");
        const Json job{{"status", "completed"}, {"output", {{"text", "right"}}}};
        exchange.event(event({{"type", "job.completed"}, {"job", job}}));
        exchange.end_stream();
    });
    const auto outcome = captured([&] { return run_tail({.url = server.url()}, "job_1"); });
    EXPECT_EQ(outcome.code, kOk);
    EXPECT_EQ(outcome.out, "right\n");
    EXPECT_THAT(outcome.error, HasSubstr("retrying: model_error: no memory\n"));
}

TEST(Commands, AnAnswerThatIsNotJsonCausesNoCrash) {
    for (const auto* body : {"<html>hello</html>", "", "[]", "7", "null", R"({"data":7})",
                             R"({"data":[7,null]})", R"({"data":[{"id":7,"status":null}]})"}) {
        test::FakeServer server([&](Exchange& exchange) { exchange.reply(200, kJson, body); });
        const GlobalOptions global{.url = server.url()};
        captured([&] { return run_list(global, {.limit = 3}); });
        captured([&] { return run_queues(global); });
        captured([&] { return run_workers(global); });
        captured([&] { return run_get(global, {.id = "job_1", .result = true}); });
        captured([&] { return run_submit(global, {.prompt = {"x"}}); });
        captured([&] { return run_submit(global, {.prompt = {"x"}, .model = "m"}); });
        captured([&] { return run_retry(global, {.ids = {"job_1"}}); });
        const auto shown = captured([&] { return run_get(global, {.id = "job_1"}); });
        EXPECT_THAT(shown.error, testing::Not(HasSubstr("exception")));
    }
}

}  // namespace
}  // namespace millrace::cli

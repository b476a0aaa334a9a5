// Lists, retries and cancels of many jobs against a gateway that answers call by call.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "producer/cli/commands.h"
#include "tests/integration/cli/captured.h"
#include "tests/support/fake_server.h"

namespace millrace::cli {
namespace {

using Json = nlohmann::json;
using test::Exchange;
using testing::HasSubstr;

TEST(BulkCommands, RetriesAllThatFailed) {
    std::mutex mutex;
    std::vector<Json> asked;
    test::FakeServer server([&](Exchange& exchange) {
        const std::lock_guard lock(mutex);
        asked.push_back(Json::parse(exchange.body()));
        if (asked.size() == 1) return exchange.reply(200, kJson, R"({"count":1})");
        exchange.reply(202, kJson, R"({"data":[{"object":"retry","retried_by":"job_2"}]})");
    });
    const BulkOptions options{.all = true, .yes = true};
    const auto outcome = captured([&] { return run_retry({.url = server.url()}, options); });
    EXPECT_EQ(outcome.code, kOk) << outcome.error;
    EXPECT_EQ(outcome.out, "job_2\n");
    ASSERT_EQ(asked.size(), 2U);
    EXPECT_EQ(asked[0], Json({{"all", true}, {"dry_run", true}}));
    EXPECT_EQ(asked[1], Json({{"all", true}, {"limit", 1}}));
}

TEST(BulkCommands, CancelsTheCountedJobsCallByCall) {
    std::mutex mutex;
    std::vector<Json> asked;
    test::FakeServer server([&](Exchange& exchange) {
        const std::lock_guard lock(mutex);
        EXPECT_THAT(exchange.target(), HasSubstr("/v1/jobs:cancel"));
        const auto body = Json::parse(exchange.body());
        asked.push_back(body);
        if (body.contains("dry_run")) {
            return exchange.reply(200, kJson, R"({"count":5,"has_more":false})");
        }
        if (body.value("limit", 0) > 3) {
            return exchange.reply(
                400, kJson,
                R"({"detail":"`limit` is too large.","error":{"code":"invalid_parameter"}})");
        }
        const auto limit = body.value("limit", 3);
        exchange.reply(
            200, kJson,
            Json{
                {"matched", limit}, {"cancelled", limit - 1}, {"cancelling", 1}, {"has_more", true}}
                .dump());
    });
    const BulkOptions options{.filter = {.queue = "q"}, .yes = true};
    const auto outcome = captured([&] { return run_cancel({.url = server.url()}, options); });
    EXPECT_EQ(outcome.code, kOk) << outcome.error;
    EXPECT_THAT(outcome.out, HasSubstr("3 cancelled, 2 cancelling"));
    ASSERT_EQ(asked.size(), 4U);
    EXPECT_EQ(asked[0], Json({{"queue", "q"}, {"dry_run", true}}));
    EXPECT_EQ(asked[1], Json({{"queue", "q"}, {"limit", 5}})) << "what came since is not meant";
    EXPECT_EQ(asked[2], Json({{"queue", "q"}})) << "the gateway does fewer than were counted";
    EXPECT_EQ(asked[3], Json({{"queue", "q"}, {"limit", 2}}));
}

TEST(BulkCommands, ACancelOfMoreThanAreCountedSaysThatThereAreMore) {
    test::FakeServer server([](Exchange& exchange) {
        const auto body = Json::parse(exchange.body());
        if (body.contains("dry_run")) {
            return exchange.reply(200, kJson, R"({"count":7,"has_more":true})");
        }
        exchange.reply(200, kJson, R"({"matched":7,"cancelled":7,"cancelling":0,"has_more":true})");
    });
    const BulkOptions options{.filter = {.queue = "q"}, .yes = true};
    const auto outcome = captured([&] { return run_cancel({.url = server.url()}, options); });
    EXPECT_EQ(outcome.code, kOk) << outcome.error;
    EXPECT_THAT(outcome.error, HasSubstr("repeat the command for the rest"));
}

// A gateway that searches for long answers with what it has found, even if that is nothing.
TEST(BulkCommands, GoesOnWhereTheGatewayStoppedToSearch) {
    std::mutex mutex;
    std::vector<Json> asked;
    test::FakeServer server([&](Exchange& exchange) {
        const std::lock_guard lock(mutex);
        const auto body = Json::parse(exchange.body());
        asked.push_back(body);
        const bool is_first = !body.contains("after");
        const Json more{{"has_more", is_first}, {"next", is_first ? Json("job_a") : Json()}};
        Json answer{{"count", is_first ? 0 : 1}};
        if (!body.contains("dry_run")) {
            answer = {{"data", Json::array()}};
            if (!is_first) answer["data"] = {{{"object", "retry"}, {"retried_by", "job_2"}}};
        }
        answer.update(more);
        exchange.reply(200, kJson, answer.dump());
    });
    const BulkOptions options{.filter = {.queue = "q"}, .yes = true};
    const auto outcome = captured([&] { return run_retry({.url = server.url()}, options); });
    EXPECT_EQ(outcome.code, kOk) << outcome.error;
    EXPECT_EQ(outcome.out, "job_2\n");
    ASSERT_EQ(asked.size(), 4U);
    EXPECT_EQ(asked[1], Json({{"queue", "q"}, {"dry_run", true}, {"after", "job_a"}}));
    EXPECT_EQ(asked[3], Json({{"queue", "q"}, {"limit", 1}, {"after", "job_a"}}));
}

TEST(BulkCommands, AListGoesOnAfterAPageWithoutJobs) {
    test::FakeServer server([](Exchange& exchange) {
        const bool is_first = exchange.target().find("after=job_a") == std::string::npos;
        exchange.reply(200, kJson,
                       is_first ? R"({"data":[],"has_more":true,"next":"job_a"})"
                                : R"({"data":[{"id":"job_1"}],"has_more":false,"next":null})");
    });
    const GlobalOptions global{.url = server.url(), .json = true};
    const auto outcome = captured([&] { return run_list(global, {}); });
    EXPECT_EQ(outcome.code, kOk) << outcome.error;
    EXPECT_EQ(outcome.out, "{\"id\":\"job_1\"}\n");
}

TEST(BulkCommands, CancelOfAllNeedsItsOption) {
    const GlobalOptions nowhere{.url = "http://127.0.0.1:9"};
    EXPECT_EQ(captured([&] { return run_cancel(nowhere, {}); }).code, kUsage);
    EXPECT_EQ(captured([&] { return run_cancel(nowhere, {.yes = true}); }).code, kUsage);
    EXPECT_EQ(
        captured([&] { return run_cancel(nowhere, {.filter = {.queue = "q"}, .all = true}); }).code,
        kUsage);
    EXPECT_EQ(captured([&] { return run_cancel(nowhere, {.ids = {"job_1"}, .all = true}); }).code,
              kUsage);
    EXPECT_EQ(captured([&] { return run_cancel(nowhere, {.all = true}); }).code, kUnreachable);
}

}  // namespace
}  // namespace millrace::cli

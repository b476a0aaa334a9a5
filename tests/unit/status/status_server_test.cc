#include "worker/status/status_server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/http/http_client.h"
#include "common/telemetry/telemetry.h"

namespace millrace::status {
namespace {

using ::testing::HasSubstr;

class StatusServerTest : public ::testing::Test {
 protected:
    StatusServerTest() {
        auto started = StatusServer::start("127.0.0.1", 0);
        if (started) server_ = *std::move(started);
    }
    void SetUp() override { ASSERT_NE(server_, nullptr); }

    http::Response get(const std::string& path) {
        auto answer =
            client_.send({.url = fmt::format("http://127.0.0.1:{}{}", server_->port(), path)});
        EXPECT_TRUE(answer.has_value());
        return answer.has_value() ? *std::move(answer) : http::Response{};
    }

    std::unique_ptr<StatusServer> server_;
    http::Client client_;
};

TEST_F(StatusServerTest, ServesTheMetrics) {
    telemetry::declare(telemetry::Part::kWorker);
    const auto answer = get("/metrics");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.at("content-type"), telemetry::kContentType);
    EXPECT_THAT(answer.body, HasSubstr("millrace_slots_busy 0\n"));
}

TEST_F(StatusServerTest, SaysThatItLives) {
    EXPECT_EQ(get("/healthz").status, 200);
    EXPECT_EQ(get("/healthz").body, "ok\n");
}

TEST_F(StatusServerTest, ServesNothingElse) {
    EXPECT_EQ(get("/").status, 404);
    EXPECT_EQ(get("/metricsandmore").status, 404);
}

TEST_F(StatusServerTest, DropsARequestThatIsTooLongAndServesTheNext) {
    const auto refused = client_.send(
        {.url = fmt::format("http://127.0.0.1:{}/{}", server_->port(), std::string(20'000, 'x'))});
    EXPECT_FALSE(refused.has_value());
    EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(StatusServerTest, RefusesAnAddressInUseByName) {
    const auto second = StatusServer::start("127.0.0.1", server_->port());
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(second.error().message, HasSubstr("worker.port"));
}

TEST(StatusServer, RefusesAnAddressThatIsNotOurs) {
    EXPECT_FALSE(StatusServer::start("192.0.2.1", 0).has_value());
    EXPECT_FALSE(StatusServer::start("no such host", 0).has_value());
}

}  // namespace
}  // namespace millrace::status

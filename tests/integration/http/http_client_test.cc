// What a client does when a server ends a connection that was in use before the answer began.
#include "common/http/http_client.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/integration/backends/fake_server.h"

namespace millrace::http {
namespace {

class HttpClient : public testing::Test {
 protected:
    Result<Response> send(const std::string& method, std::vector<std::string> headers = {}) {
        return client_.send(
            {.method = method, .url = server_.url(), .headers = std::move(headers), .body = "{}"});
    }

    std::atomic<int> posts_ = 0;
    // Answers whatever is no POST; the connection of a first POST ends without an answer.
    worker::FakeServer server_{[this](worker::Exchange& exchange) {
        if (exchange.target().starts_with("POST") && ++posts_ == 1) return exchange.close();
        exchange.reply(200, "application/json", "{}");
    }};
    Client client_;
};

TEST_F(HttpClient, SendsAPostOnce) {
    ASSERT_TRUE(send("PUT"));
    const auto answer = send("POST");
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(posts_, 1);
}

TEST_F(HttpClient, RepeatsAPostThatHasAKey) {
    ASSERT_TRUE(send("PUT"));
    EXPECT_TRUE(send("POST", {"Idempotency-Key: a"}));
    EXPECT_EQ(posts_, 2);
}

}  // namespace
}  // namespace millrace::http

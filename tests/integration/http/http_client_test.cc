// What a client does if a server closes a reused connection before the answer begins, or falls
// silent.
#include "common/http/http_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include "tests/support/fake_server.h"

namespace millrace::http {
namespace {

class HttpClient : public testing::Test {
 protected:
    Result<Response> send(const std::string& method, std::vector<std::string> headers = {}) {
        return client_.send(
            {.method = method, .url = server_.url(), .headers = std::move(headers), .body = "{}"});
    }

    std::atomic<int> posts_ = 0;
    // Closes the connection of the first POST without an answer; answers all other requests.
    test::FakeServer server_{[this](test::Exchange& exchange) {
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

TEST_F(HttpClient, TakesNoMoreThanItsLimit) {
    EXPECT_TRUE(client_.send({.url = server_.url(), .answer_bytes_max = 2}));
    const auto answer = client_.send({.url = server_.url(), .answer_bytes_max = 1});
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(answer.error().message, "the answer is longer than 1 bytes");
}

// Sets an environment variable of this process, while no other thread reads the environment.
class Variable {
 public:
    Variable(const char* name, const std::string& value) : name_(name) {
        setenv(name, value.c_str(), 1);
    }
    ~Variable() { unsetenv(name_); }
    Variable(const Variable&) = delete;

 private:
    const char* const name_;
};

TEST(HttpClientBehindAProxy, GoesToThisMachineWithoutIt) {
    const auto answer_as = [](const char* name) {
        return [name](test::Exchange& exchange) { exchange.reply(200, "text/plain", name); };
    };
    test::FakeServer server(answer_as("server"));
    test::FakeServer proxy(answer_as("proxy"));
    const Variable http_proxy("http_proxy", proxy.url());
    const Variable all_proxy("ALL_PROXY", proxy.url());
    Client client;
    const auto body_of = [&](const std::string& url) {
        const auto answer = client.send({.url = url});
        return answer.has_value() ? answer->body : answer.error().message;
    };
    EXPECT_EQ(body_of(server.url() + "/healthz"), "server");
    EXPECT_EQ(body_of("http://model.example/v1/models"), "proxy");
    EXPECT_EQ(body_of(server.url() + "/readyz"), "server");
}

TEST(HttpClientSilence, EndsASilentStream) {
    test::FakeServer server([](test::Exchange& exchange) {
        exchange.begin_stream();
        exchange.event("{}");
        exchange.wait_for_close();
    });
    Client client;
    std::string got;
    const auto answer = client.stream(
        {.url = server.url(), .timeout = milliseconds(0), .silence_max = milliseconds(1)},
        [&got](std::string_view bytes) {
            got += bytes;
            return true;
        });
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, ErrorCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace millrace::http

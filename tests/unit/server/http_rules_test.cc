// HTTP itself: methods, lengths, limits and keep-alive.
#include <fmt/format.h>

#include "tests/support/eventually.h"
#include "tests/unit/api/server_fixture.h"

namespace millrace::test {
namespace {

class HttpRulesTest : public ServerTest {};

std::string body_of(std::size_t bytes) {
    return fmt::format(R"({{"model":"m","input":{{"prompt":"{}"}}}})", std::string(bytes, 'x'));
}

TEST_F(HttpRulesTest, UnknownPathsAndMethodsAreRefused) {
    EXPECT_EQ(code(get("/")), "unknown_url");
    EXPECT_EQ(code(get("/v1/jobs/")), "unknown_url");
    EXPECT_EQ(code(get("/v1/jobs/a/b")), "unknown_url");
    const auto answer = ask("DELETE /v1/jobs HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_EQ(answer.status, 405);
    EXPECT_EQ(answer.header("allow"), "GET, HEAD, POST, OPTIONS");
    EXPECT_EQ(ask("BREW /metrics HTTP/1.1\r\nHost: t\r\n\r\n").header("allow"),
              "GET, HEAD, OPTIONS");
    const auto options = ask("OPTIONS /v1/jobs:batch HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_EQ(options.status, 204);
    EXPECT_EQ(options.header("allow"), "POST, OPTIONS");
    EXPECT_EQ(ask("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n").status, 204);
}

TEST_F(HttpRulesTest, PathsMayBeEscapedOrAbsolute) {
    EXPECT_EQ(code(post("/v1/jobs%3Abatch", "[]")), "invalid_type");
    EXPECT_EQ(get("http://t/healthz").status, 200);
    EXPECT_EQ(get("HTTP://t:1/v1/jobs?limit=1").status, 200);
}

TEST_F(HttpRulesTest, HeadIsGetWithoutBody) {
    auto connection = client();
    connection.send("HEAD /healthz HTTP/1.1\r\nHost: t\r\n\r\n" + get_request("/healthz"));
    const auto head = connection.response(true);
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.header("content-length"), "15");
    EXPECT_EQ(connection.response().body, R"({"status":"ok"})");
    connection.send("HEAD /v1/jobs/x/events HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_EQ(connection.response(true).status, 405);
}

TEST_F(HttpRulesTest, EveryAnswerHasARequestIdOfItsOwn) {
    auto connection = client();
    const auto first = connection.exchange(get_request("/healthz"));
    const auto second = connection.exchange(get_request("/nothing"));
    EXPECT_NE(first.header("x-request-id"), second.header("x-request-id"));
    EXPECT_TRUE(first.headers.contains("date"));
}

TEST_F(HttpRulesTest, PipelinedRequestsAreAnsweredInOrder) {
    auto connection = client();
    std::string requests;
    for (int i = 0; i < 50; ++i) {
        requests += get_request("/healthz") + post_request("/v1/jobs", kJob) + get_request("/x");
    }
    connection.send(requests);
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(connection.response().status, 200);
        EXPECT_EQ(connection.response().status, 202);
        EXPECT_EQ(connection.response().status, 404);
    }
    EXPECT_EQ(service_.submitted().size(), 50U);
}

// See RFC 9112, section 2.2.
TEST_F(HttpRulesTest, EmptyLinesBeforeARequestAreIgnored) {
    auto connection = client();
    connection.send("\r\n\r\n" + get_request("/healthz"));
    EXPECT_EQ(connection.response().status, 200);
    connection.send(post_request("/v1/jobs", kJob) + "\r\n" + get_request("/healthz") + "\r\n");
    EXPECT_EQ(connection.response().status, 202);
    EXPECT_EQ(connection.response().status, 200);
    for (const char c : "\r\n\r\n" + get_request("/healthz")) {
        connection.send(std::string(1, c));
    }
    EXPECT_EQ(connection.response().status, 200);
    EXPECT_EQ(code(ask("\r" + get_request("/healthz"))), "malformed_request");
    EXPECT_EQ(code(ask(" \r\n" + get_request("/healthz"))), "malformed_request");
}

// They end the request before; they do not begin the next, which would then be late.
TEST_F(HttpRulesTest, EmptyLinesAfterARequestLeaveTheConnectionIdle) {
    server::ServerOptions options;
    options.header_timeout = milliseconds(1);
    options.idle_timeout = milliseconds(1000);
    start(options);
    auto connection = client();
    EXPECT_EQ(connection.exchange(get_request("/healthz") + "\r\n").status, 200);
    EXPECT_TRUE(connection.is_closed_by_server()) << "without a 408";
}

TEST_F(HttpRulesTest, RequestsMayComeByteByByte) {
    auto connection = client();
    for (const char c : post_request("/v1/jobs", kJob)) connection.send(std::string(1, c));
    EXPECT_EQ(connection.response().status, 202);
}

TEST_F(HttpRulesTest, Http10ClosesUnlessAskedToStay) {
    auto closing = client();
    closing.send("GET /healthz HTTP/1.0\r\n\r\n");
    EXPECT_EQ(closing.response().header("connection"), "close");
    EXPECT_TRUE(closing.is_closed_by_server());
    auto staying = client();
    const auto answer = staying.exchange("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(answer.header("connection"), "keep-alive");
    EXPECT_EQ(staying.exchange("GET /healthz HTTP/1.0\r\n\r\n").status, 200);
}

TEST_F(HttpRulesTest, BodyThatIsTooLargeIsRefusedUnread) {
    server::ServerOptions options;
    options.body_bytes_max = 1000;
    start(options);
    auto connection = client();
    // Only the header is sent: the answer must not wait for the body.
    connection.send(
        "POST /v1/jobs HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
        "Content-Length: 1001\r\n\r\n");
    const auto answer = connection.response();
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(code(answer), "body_too_large");
    EXPECT_NE(answer.body.find("gateway.body_bytes_max"), std::string::npos);
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_EQ(post("/v1/jobs", body_of(900)).status, 202);
}

TEST_F(HttpRulesTest, RefusalReachesAClientThatContinuesSending) {
    server::ServerOptions options;
    options.body_bytes_max = 1000;
    start(options);
    auto connection = client();
    connection.send(post_request("/v1/jobs", body_of(4 * 1024 * 1024)));
    EXPECT_EQ(connection.response().status, 413);
}

TEST_F(HttpRulesTest, BodiesTogetherAreBounded) {
    server::ServerOptions options;
    options.body_bytes_max = 1000;
    options.bodies_bytes_max = 1000;
    start(options);
    auto waiting = client();
    const auto body = body_of(900 - body_of(0).size());
    waiting.send(
        "POST /v1/jobs HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
        "Content-Length: 900\r\n\r\n" +
        body.substr(0, 899));
    EXPECT_TRUE(eventually([&] {
        const auto refused = post("/v1/jobs", body_of(200));
        return refused.status == 503 && code(refused) == "overloaded";
    }));
    waiting.send(body.substr(899));
    EXPECT_EQ(waiting.response().status, 202);
    EXPECT_TRUE(eventually([&] { return post("/v1/jobs", body_of(200)).status == 202; }));
}

TEST_F(HttpRulesTest, ContinuesIfTheClientWaitsForIt) {
    auto connection = client();
    connection.send(
        fmt::format("POST /v1/jobs HTTP/1.1\r\nHost: t\r\nContent-Type: "
                    "application/json\r\nContent-Length: {}\r\nExpect: "
                    "100-continue\r\n\r\n",
                    kJob.size()));
    EXPECT_EQ(connection.response().status, 100);
    EXPECT_EQ(connection.exchange(kJob).status, 202);
    EXPECT_EQ(post("/v1/jobs", kJob, "Expect: tea\r\n").status, 417);
}

TEST_F(HttpRulesTest, HeaderThatIsTooLargeIsRefused) {
    const auto many = std::string(20 * 1024, 'a');
    EXPECT_EQ(get("/healthz", "X-Long: " + many + "\r\n").status, 431);
    EXPECT_EQ(get("/" + many).status, 431);
}

TEST_F(HttpRulesTest, SlowHeadersAndBodiesTimeOut) {
    server::ServerOptions options;
    options.header_timeout = milliseconds(50);
    options.body_timeout = milliseconds(50);
    start(options);
    auto header = client();
    header.send("GET /healthz HTTP/1.1\r\n");
    const auto answer = header.response();
    EXPECT_EQ(answer.status, 408);
    EXPECT_EQ(code(answer), "request_timeout");
    auto body = client();
    body.send("POST /v1/jobs HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n{");
    EXPECT_EQ(body.response().status, 408);
}

TEST_F(HttpRulesTest, DrippingBytesDoesNotExtendTheHeadersTime) {
    server::ServerOptions options;
    options.header_timeout = milliseconds(100);
    start(options);
    auto connection = client();
    connection.send("GET /healthz HTTP/1.1\r\n");
    EXPECT_TRUE(eventually([&] { return !connection.send("X: y\r\n"); }, "the server closes"));
}

TEST_F(HttpRulesTest, KeepAliveClientsLearnHowLongAConnectionStays) {
    constexpr std::string_view kStay = "Connection: Keep-Alive\r\n";
    EXPECT_EQ(get("/healthz", kStay).header("keep-alive"), "timeout=73");
    EXPECT_FALSE(get("/healthz").headers.contains("keep-alive"));
    EXPECT_FALSE(get("/healthz", "Connection: close\r\n").headers.contains("keep-alive"));
    auto old = client();
    EXPECT_EQ(old.exchange("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                  .header("keep-alive"),
              "timeout=73");
}

TEST_F(HttpRulesTest, ListensOnAddressesOfEitherKindAndOnNames) {
    for (const auto* host : {"127.0.0.1", "::1", "[::1]", "::", "0.0.0.0", "localhost"}) {
        const auto server = make_server({.host = host, .port = 0});
        const auto status = server->start();
        // A machine may lack IPv6; then the error must say so.
        if (status.has_value()) {
            EXPECT_GT(server->port(), 0) << host;
        } else {
            EXPECT_NE(std::string_view(host).find(':'), std::string_view::npos) << host;
            EXPECT_EQ(status.error().code, ErrorCode::kUnavailable);
        }
    }
}

// "::" serves IPv4 clients too, whatever the system's default is.
TEST_F(HttpRulesTest, TheIpv6WildcardServesIpv4Too) {
    const auto server = make_server({.host = "::", .port = 0});
    if (!server->start().has_value()) return;  // This machine has no IPv6.
    EXPECT_EQ(RawClient(server->port()).exchange(get_request("/healthz")).status, 200);
}

TEST_F(HttpRulesTest, IdleConnectionsAreClosedSilently) {
    server::ServerOptions options;
    options.idle_timeout = milliseconds(50);
    start(options);
    auto fresh = client();
    EXPECT_TRUE(fresh.is_closed_by_server());
    auto used = client();
    EXPECT_EQ(used.exchange(get_request("/healthz")).status, 200);
    EXPECT_TRUE(used.is_closed_by_server());
}

TEST_F(HttpRulesTest, ClientThatHangsUpWhileServedHarmsNoOther) {
    service_.hold();
    for (int i = 0; i < 20; ++i) client().send(post_request("/v1/jobs", kJob));
    EXPECT_TRUE(eventually([&] { return service_.calls_held() == 20; }));
    service_.release();
    EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(HttpRulesTest, ConnectionsBeyondTheLimitAreClosed) {
    server::ServerOptions options;
    options.connections_max = 2;
    start(options);
    auto first = client();
    auto second = client();
    EXPECT_EQ(first.exchange(get_request("/healthz")).status, 200);
    EXPECT_EQ(second.exchange(get_request("/healthz")).status, 200);
    auto third = client();
    EXPECT_TRUE(third.is_closed_by_server());
    { const auto gone = std::move(second); }
    EXPECT_TRUE(eventually([&] {
        auto again = client();
        return again.send(get_request("/healthz")) && !again.is_closed_by_server();
    }));
}

TEST_F(HttpRulesTest, ServesFiveThousandKeepAliveConnectionsOnSeveralThreads) {
    server::ServerOptions options;
    options.threads = 3;
    start(options);
    std::vector<RawClient> clients;
    for (int i = 0; i < 5000; ++i) clients.push_back(client());
    for (int round = 0; round < 2; ++round) {
        for (auto& each : clients) each.send(post_request("/v1/jobs", kJob));
        for (auto& each : clients) EXPECT_EQ(each.response().status, 202);
    }
    EXPECT_EQ(service_.submitted().size(), 10000U);
}

TEST_F(HttpRulesTest, TakenPortIsNamedWithTheSettingToChange) {
    server::ServerOptions options;
    options.port = server_->port();
    const auto second = make_server(options);
    const auto status = second->start();
    ASSERT_FALSE(status.has_value());
    EXPECT_NE(status.error().message.find(std::to_string(server_->port())), std::string::npos);
    EXPECT_NE(status.error().message.find("gateway.port"), std::string::npos);
    const auto nowhere = make_server({.host = "no such name"});
    EXPECT_EQ(nowhere->start().error().code, ErrorCode::kInvalidArgument);
    // An address of the block that is reserved for documentation.
    const auto elsewhere = make_server({.host = "192.0.2.1", .port = 0});
    const auto refused = elsewhere->start();
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
    EXPECT_NE(refused.error().message.find("gateway.host"), std::string::npos);
}

TEST_F(HttpRulesTest, StopsAtOnceWhateverIsInProgress) {
    const auto id = service_.put();
    auto idle = client();
    EXPECT_EQ(idle.exchange(get_request("/healthz")).status, 200);
    auto waiting = client();
    waiting.send(get_request("/v1/jobs/" + id.str(), "Prefer: wait=50\r\n"));
    auto streaming = client();
    streaming.send(get_request("/v1/jobs/" + id.str() + "/events"));
    EXPECT_TRUE(eventually([&] { return service_.watchers() == 2; }));
    service_.hold();
    auto served = client();
    served.send(post_request("/v1/jobs", kJob));
    EXPECT_TRUE(eventually([&] { return service_.calls_held() > 0; }));
    server_.reset();
    EXPECT_EQ(service_.watchers(), 0U);
    service_.release();
    EXPECT_TRUE(idle.is_closed_by_server());
    EXPECT_TRUE(served.is_closed_by_server());
}

}  // namespace
}  // namespace millrace::test

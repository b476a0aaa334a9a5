// Bodies that clients send whole, in chunks, compressed or undeclared, and answers in the form that
// they ask for.
#include <fmt/format.h>

#include "producer/server/compression.h"
#include "producer/server/server_state.h"
#include "tests/support/eventually.h"
#include "tests/unit/api/server_fixture.h"

namespace millrace::test {
namespace {

class BodyTest : public ServerTest {
 protected:
    static std::string gzip(std::string text) {
        server::Deflater deflater(std::move(text));
        while (!deflater.step()) {
        }
        return deflater.result();
    }
    static std::string gunzip(const std::string& text) {
        std::string body;
        const auto fault = server::inflate(
            "gzip", text, 1 << 30, [](std::size_t) { return true; }, body);
        return fault ? "not gzip: " + text : body;
    }
    static std::string head(std::string_view headers) {
        return fmt::format("POST /v1/jobs HTTP/1.1\r\nHost: t\r\n{}\r\n", headers);
    }
    static std::string chunked(std::string_view chunks, std::string_view headers = {}) {
        return head(fmt::format("Transfer-Encoding: chunked\r\n{}", headers)) + std::string(chunks);
    }
    static std::string in_chunks(std::string_view body, std::size_t size) {
        std::string chunks;
        for (; !body.empty(); body.remove_prefix(std::min(size, body.size()))) {
            const auto part = body.substr(0, size);
            chunks += fmt::format("{:x}\r\n{}\r\n", part.size(), part);
        }
        return chunks + "0\r\n\r\n";
    }
    static std::string job_of(std::size_t bytes) {
        return fmt::format(R"({{"model":"m","input":{{"prompt":"{}"}}}})", std::string(bytes, 'x'));
    }
};

TEST_F(BodyTest, MayComeInChunksOfAnySize) {
    for (const std::size_t size : {1, 7, 100}) {
        EXPECT_EQ(ask(chunked(in_chunks(kJob, size))).status, 202) << size;
    }
    const auto large = job_of(3'000'000);
    EXPECT_EQ(ask(chunked(in_chunks(large, 64 * 1024))).status, 202);
    EXPECT_EQ(service_.submitted().back().spec.input_json.size(), large.size() - 22);
    auto bytewise = client();
    for (const char c : chunked(in_chunks(kJob, 5))) bytewise.send(std::string(1, c));
    EXPECT_EQ(bytewise.response().status, 202);
}

TEST_F(BodyTest, AChunkedBodyIsFollowedByTheNextRequest) {
    auto connection = client();
    std::string requests;
    for (int i = 0; i < 20; ++i) {
        requests += chunked(in_chunks(kJob, 9)) + get_request("/healthz") +
                    "GET /healthz HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" +
                    "3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n";
    }
    connection.send(requests);
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(connection.response().status, 202);
        EXPECT_EQ(connection.response().status, 200);
        EXPECT_EQ(connection.response().status, 200);
    }
}

TEST_F(BodyTest, AMalformedChunkEndsTheConnection) {
    for (const auto* chunks : {"x\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n",
                               "0\r\nContent-Length 5\r\n\r\n"}) {
        auto connection = client();
        connection.send(chunked(chunks) + get_request("/healthz"));
        const auto answer = connection.response();
        EXPECT_EQ(answer.status, 400) << chunks;
        EXPECT_EQ(code(answer), "malformed_request");
        EXPECT_TRUE(connection.is_closed_by_server());
    }
    EXPECT_TRUE(service_.submitted().empty());
}

TEST_F(BodyTest, AChunkedBodyIsBoundedToo) {
    server::ServerOptions options;
    options.body_bytes_max = 1000;
    start(options);
    auto announced = client();
    announced.send(chunked("3e9\r\n"));  // 1001: the answer does not wait for them.
    const auto answer = announced.response();
    EXPECT_EQ(answer.status, 413);
    EXPECT_NE(answer.body.find("gateway.body_bytes_max"), std::string::npos);
    EXPECT_EQ(ask(chunked(in_chunks(job_of(980), 100))).status, 413);
    EXPECT_EQ(ask(chunked("1;" + std::string(20'000, 'a') + "\r\n")).status, 400);
    EXPECT_EQ(ask(chunked(in_chunks(job_of(900), 100))).status, 202);
}

TEST_F(BodyTest, AChunkedBodyCountsAmongAllBodies) {
    server::ServerOptions options;
    options.body_bytes_max = 1000;
    options.bodies_bytes_max = 1000;
    start(options);
    auto waiting = client();
    waiting.send(chunked("320\r\n" + std::string(800, ' ')));
    EXPECT_TRUE(eventually([&] { return post("/v1/jobs", job_of(300)).status == 503; }));
    waiting.send("\r\n" + in_chunks(kJob, 100));
    EXPECT_EQ(waiting.response().status, 202);
    EXPECT_TRUE(eventually([&] { return post("/v1/jobs", job_of(300)).status == 202; }));
}

// A length that is only declared takes no room: 64 clients that send nothing more would shut out
// all others.
TEST_F(BodyTest, ADeclaredBodyThatDoesNotComeTakesNoRoom) {
    server::ServerOptions options;
    options.body_bytes_max = 1000;
    options.bodies_bytes_max = 1000;
    start(options);
    std::vector<RawClient> waiting;
    for (int i = 0; i < 4; ++i) {
        waiting.push_back(client());
        waiting.back().send(head("Content-Length: 1000\r\nExpect: 100-continue\r\n"));
        EXPECT_EQ(waiting.back().response().status, 100);
    }
    EXPECT_EQ(post("/v1/jobs", job_of(900)).status, 202);
}

TEST_F(BodyTest, OneAddressCannotTakeAllRoom) {
    server::ServerOptions options;
    options.body_bytes_max = 1000;
    options.bodies_bytes_max = 4000;
    options.peer_bodies_bytes_max = 1000;
    server::ServerState state(options, nullptr);
    EXPECT_TRUE(state.body_reserve("10.0.0.1", 600));
    EXPECT_FALSE(state.body_reserve("10.0.0.1", 600));
    EXPECT_TRUE(state.body_reserve("10.0.0.2", 1000));
    EXPECT_TRUE(state.body_reserve("10.0.0.3", 1000));
    EXPECT_TRUE(state.body_reserve("10.0.0.4", 1000));
    EXPECT_FALSE(state.body_reserve("10.0.0.5", 600)) << "of all together";
    state.body_release("10.0.0.1", 600);
    EXPECT_TRUE(state.body_reserve("10.0.0.1", 1000));
}

TEST_F(BodyTest, ABodyThatStallsIsGivenUp) {
    server::ServerOptions options;
    options.body_stall_timeout = milliseconds(50);
    start(options);
    for (const auto& begun : {chunked("5\r\nhel"), head("Content-Length: 9\r\n") + "hel"}) {
        auto slow = client();
        slow.send(begun);
        const auto answer = slow.response();
        EXPECT_EQ(answer.status, 408);
        EXPECT_NE(answer.body.find("gateway.body_stall_timeout"), std::string::npos);
    }
}

TEST_F(BodyTest, AChunkedBodyMayWaitForContinue) {
    auto connection = client();
    connection.send(chunked("", "Expect: 100-continue\r\n"));
    EXPECT_EQ(connection.response().status, 100);
    EXPECT_EQ(connection.exchange(in_chunks(kJob, 10)).status, 202);
}

TEST_F(BodyTest, ABodyThatStopsHalfwayTimesOutOrIsDropped) {
    server::ServerOptions options;
    options.body_timeout = milliseconds(50);
    start(options);
    auto slow = client();
    slow.send(chunked("5\r\nhel"));
    EXPECT_EQ(slow.response().status, 408);
    auto gone = client();
    gone.send(chunked("5\r\nhel"));
    gone.finish_sending();
    EXPECT_TRUE(gone.is_closed_by_server());
}

TEST_F(BodyTest, MayBeCompressed) {
    const auto packed = gzip(std::string(kJob));
    for (const auto* coding : {"gzip", "x-gzip", "GZIP"}) {
        const auto headers = fmt::format("Content-Encoding: {}\r\n", coding);
        EXPECT_EQ(post("/v1/jobs", packed, headers).status, 202) << coding;
        EXPECT_EQ(ask(chunked(in_chunks(packed, 3), headers)).status, 202) << coding;
    }
    EXPECT_EQ(service_.submitted().back().spec.input_json, R"({"prompt":"hi"})");
    EXPECT_EQ(post("/v1/jobs", kJob, "Content-Encoding: identity\r\n").status, 202);
    // Submits the same job, packed or not.
    constexpr std::string_view kKey = "Idempotency-Key: k\r\n";
    EXPECT_EQ(post("/v1/jobs", kJob, kKey).status, 202);
    EXPECT_EQ(post("/v1/jobs", packed, fmt::format("{}Content-Encoding: gzip\r\n", kKey)).status,
              200);
}

TEST_F(BodyTest, CompressedIsRefusedIfIncomplete) {
    const auto packed = gzip(std::string(kJob));
    const auto cut =
        post("/v1/jobs", packed.substr(0, packed.size() - 1), "Content-Encoding: gzip\r\n");
    EXPECT_EQ(code(cut), "malformed_request");
    EXPECT_EQ(code(post("/v1/jobs", kJob, "Content-Encoding: gzip\r\n")), "malformed_request");
    for (const auto* coding : {"br", "zstd", "gzip, gzip"}) {
        const auto answer = post("/v1/jobs", kJob, fmt::format("Content-Encoding: {}\r\n", coding));
        EXPECT_EQ(answer.status, 415) << coding;
        EXPECT_NE(answer.body.find("send gzip, deflate or none"), std::string::npos);
    }
}

TEST_F(BodyTest, CompressedIsBoundedByItsDecompressedSize) {
    server::ServerOptions options;
    options.body_bytes_max = 100'000;
    start(options);
    const auto bomb = gzip(job_of(10'000'000));
    ASSERT_LT(bomb.size(), options.body_bytes_max);
    auto connection = client();
    const auto answer =
        connection.exchange(post_request("/v1/jobs", bomb, "Content-Encoding: gzip\r\n"));
    EXPECT_EQ(answer.status, 413);
    EXPECT_NE(answer.body.find("gateway.body_bytes_max"), std::string::npos);
    EXPECT_EQ(connection.exchange(post_request("/v1/jobs", kJob)).status, 202);
}

TEST_F(BodyTest, IsJsonWhateverAToolCallsIt) {
    for (const auto* type :
         {"", "Content-Type: application/x-www-form-urlencoded\r\n",
          "Content-Type: text/plain;charset=UTF-8\r\n", "Content-Type: text/json\r\n",
          "Content-Type: application/octet-stream\r\n", "Content-Type: application/json\r\n",
          "Content-Type: application/vnd.api+json; charset=utf-8\r\n"}) {
        EXPECT_EQ(ask(chunked(in_chunks(kJob, 50), type)).status, 202) << type;
    }
    for (const auto* type : {"multipart/form-data; boundary=x", "text/xml", "application/xml",
                             "application/x-ndjson", "image/png"}) {
        const auto answer =
            ask(chunked(in_chunks(kJob, 50), fmt::format("Content-Type: {}\r\n", type)));
        EXPECT_EQ(answer.status, 415) << type;
        EXPECT_NE(json(answer)["detail"].get<std::string>().find("application/json"),
                  std::string::npos);
    }
    EXPECT_EQ(post("/v1/jobs", "\xEF\xBB\xBF" + std::string(kJob)).status, 202)
        << "a byte order mark";
}

// A foreign site's page may send such types without a preflight, but not application/json.
TEST_F(BodyTest, ABodyFromAWebPageMustBeDeclaredAsJson) {
    constexpr std::string_view kOrigin = "Origin: https://example.com\r\n";
    for (const auto* type : {"", "Content-Type: application/x-www-form-urlencoded\r\n",
                             "Content-Type: text/plain\r\n"}) {
        const auto headers = fmt::format("{}{}", type, kOrigin);
        EXPECT_EQ(ask(chunked(in_chunks(kJob, 50), headers)).status, 415) << type;
    }
    EXPECT_EQ(post("/v1/jobs", kJob, kOrigin).status, 202);
    EXPECT_TRUE(service_.submitted().size() == 1);
}

TEST_F(BodyTest, AnAnswerIsCompressedIfRequestedAndWorthIt) {
    for (int i = 0; i < 30; ++i) service_.put();
    const auto plain = get("/v1/jobs");
    EXPECT_FALSE(plain.headers.contains("content-encoding"));
    EXPECT_EQ(plain.header("vary"), "Accept-Encoding");
    const auto packed = get("/v1/jobs", "Accept-Encoding: br, gzip;q=0.8\r\n");
    EXPECT_EQ(packed.header("content-encoding"), "gzip");
    EXPECT_EQ(packed.header("vary"), "Accept-Encoding");
    EXPECT_LT(packed.body.size(), plain.body.size() / 4);
    EXPECT_EQ(gunzip(packed.body), plain.body);
    EXPECT_FALSE(
        get("/v1/jobs", "Accept-Encoding: gzip;q=0\r\n").headers.contains("content-encoding"));
    EXPECT_FALSE(get("/healthz", "Accept-Encoding: gzip\r\n").headers.contains("content-encoding"));
    EXPECT_EQ(gunzip(get("/healthz", "Accept-Encoding: gzip, identity;q=0\r\n").body),
              R"({"status":"ok"})");
}

TEST_F(BodyTest, ALargeResultIsCompressedWhole) {
    const auto output = '"' + std::string(5'000'000, 'o') + '"';
    const auto id = service_.put();
    service_.finish(id, JobState::kCompleted, output);
    const auto target = "/v1/jobs/" + id.str() + "/result";
    auto connection = client();
    const auto answer = connection.exchange(get_request(target, "Accept-Encoding: gzip\r\n"));
    EXPECT_EQ(gunzip(answer.body), output);
    EXPECT_EQ(connection.exchange(get_request("/healthz")).status, 200);
    {
        auto gone = client();
        gone.send(get_request(target, "Accept-Encoding: gzip\r\n"));
    }
    EXPECT_EQ(connection.exchange(get_request("/healthz")).status, 200);
}

TEST_F(BodyTest, IsLeftOutOfHeadsAndUnchangedJobs) {
    const auto id = service_.put([](auto& job) { job.partial_text = std::string(5000, 'p'); });
    const auto target = "/v1/jobs/" + id.str();
    constexpr std::string_view kGzip = "Accept-Encoding: gzip\r\n";
    auto connection = client();
    const auto whole = connection.exchange(get_request(target, kGzip));
    EXPECT_EQ(whole.header("content-encoding"), "gzip");
    connection.send(fmt::format("HEAD {} HTTP/1.1\r\nHost: t\r\n{}\r\n", target, kGzip));
    const auto head = connection.response(true);
    EXPECT_EQ(head.header("content-length"), std::to_string(whole.body.size()));
    EXPECT_EQ(head.header("content-encoding"), "gzip");
    EXPECT_EQ(head.header("etag"), whole.header("etag"));
    for (const auto* tags : {"{}", "\"x\", {}", "W/\"y\",{}", "*"}) {
        const auto field = fmt::format("If-None-Match: {}\r\n",
                                       fmt::format(fmt::runtime(tags), whole.header("etag")));
        const auto same = connection.exchange(get_request(target, std::string(kGzip) + field));
        EXPECT_EQ(same.status, 304) << tags;
        EXPECT_EQ(same.header("vary"), "Accept-Encoding");
        EXPECT_FALSE(same.headers.contains("content-encoding"));
    }
    const auto listed =
        fmt::format("If-None-Match: \"a\"\r\nIf-None-Match: {}\r\n", whole.header("etag"));
    EXPECT_EQ(connection.exchange(get_request(target, listed)).status, 304);
}

TEST_F(BodyTest, AnEventStreamIsNeverCompressed) {
    const auto id = service_.put();
    auto connection = client();
    connection.send(
        get_request("/v1/jobs/" + id.str() + "/events", "Accept-Encoding: gzip, identity;q=0\r\n"));
    const auto begin = connection.read_until("job.queued");
    EXPECT_EQ(begin.find("Content-Encoding"), std::string::npos);
}

}  // namespace
}  // namespace millrace::test

// Requests that two readers could take for different ones: each is refused and its connection
// closed, so that none hides a second request. Cases of MDA2AV/Http11Probe, http-garden and Bun's
// tests among them.
#include <fmt/format.h>

#include "tests/unit/api/server_fixture.h"

namespace millrace::test {
namespace {

using namespace std::string_literals;

struct Case {
    std::string bytes;
    int status = 0;
};

// Answered only by a server that takes the refused request for a shorter one.
std::string hidden() {
    return post_request("/v1/jobs", kJob);
}

// A POST of "0\r\n\r\n", which is a whole body in chunks, too.
Case post_with(const std::string& headers, int status = 400, std::string_view version = "1.1") {
    return {fmt::format("POST /v1/jobs HTTP/{}\r\nHost: t\r\n{}\r\n0\r\n\r\n", version, headers),
            status};
}

Case get_with(const std::string& headers) {
    return {"GET /healthz HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n", 400};
}

Case get_of(const std::string& target, int status = 400) {
    return {"GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n", status};
}

Case get_from(const std::string& host) {
    return {"GET /healthz HTTP/1.1\r\nHost:" + host + "\r\n\r\n", 400};
}

Case begin_with(const std::string& line) {
    return {line + "\r\nHost: t\r\n\r\n", 400};
}

Case chunks(const std::string& body) {
    return {"POST /v1/jobs HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + body, 400};
}

class HttpCasesTest : public ServerTest {
 protected:
    // Sends the bytes at once, then bytewise: the answer is the same, and no other follows.
    void expect_refused(const std::vector<Case>& cases) {
        for (const auto& [bytes, status] : cases) {
            const auto all = bytes + hidden();
            for (const auto size : {all.size(), std::size_t{1}}) {
                auto connection = client();
                for (std::size_t at = 0; at < all.size(); at += size) {
                    if (!connection.send(all.substr(at, size))) break;
                }
                const auto answer = connection.response();
                EXPECT_EQ(answer.status, status) << bytes;
                EXPECT_EQ(answer.header("connection"), "close") << bytes;
                EXPECT_TRUE(connection.is_closed_by_server()) << bytes;
            }
        }
        EXPECT_TRUE(service_.submitted().empty());
    }

    // The request is answered, and so is the next, as what it is.
    void expect_taken(const std::vector<Case>& cases) {
        for (const auto& [bytes, status] : cases) {
            auto connection = client();
            connection.send(bytes + hidden());
            EXPECT_EQ(connection.response().status, status) << bytes;
            EXPECT_EQ(connection.response().status, 202) << bytes;
        }
        EXPECT_EQ(service_.submitted().size(), cases.size());
    }
};

TEST_F(HttpCasesTest, ATransferEncodingOtherThanChunkedIsRefused) {
    expect_refused({
        post_with("Transfer-Encoding: gzip\r\n", 501),
        post_with("Transfer-Encoding: gzip, chunked\r\n", 501),
        post_with("Transfer-Encoding: chunked, gzip\r\n", 501),
        post_with("Transfer-Encoding: chunked, identity\r\n", 501),
        post_with("Transfer-Encoding: identity\r\n", 501),
        post_with("Transfer-Encoding: identity, chunked\r\n", 501),
        post_with("Transfer-Encoding: chunked, chunked\r\n", 501),
        post_with("Transfer-Encoding: , chunked\r\n", 501),
        post_with("Transfer-Encoding: chunked,\r\n", 501),
        post_with("Transfer-Encoding: xchunked\r\n", 501),
        post_with("Transfer-Encoding: chunkedx\r\n", 501),
        post_with("Transfer-Encoding: chunk\r\n", 501),
        post_with("Transfer-Encoding: chunked;a=b\r\n", 501),
        post_with("Transfer-Encoding: \"chunked\"\r\n", 501),
        post_with("Transfer-Encoding: 'chunked'\r\n", 501),
        post_with("Transfer-Encoding:\r\n", 501),
        post_with("Transfer-Encoding: chunked\x85\r\n", 501),
        post_with("Transfer-Encoding: \xEF\xBB\xBF"
                  "chunked\r\n",
                  501),
        post_with("Transfer-Encoding:\x0b"
                  "chunked\r\n"),
        post_with("Transfer-Encoding: chunked\x0b\r\n"),
        post_with("Transfer-Encoding: chunked\0\r\n"s),
        post_with("Transfer-Encoding: chunked\r\n", 400, "1.0"),
        post_with("Transfer-Encoding: identity\r\n", 400, "1.0"),
    });
}

TEST_F(HttpCasesTest, ALengthThatIsGivenTwiceIsRefused) {
    expect_refused({
        post_with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
        post_with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        post_with("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
        post_with("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n"),
        post_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
        post_with("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
        post_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        post_with("Transfer-Encoding: chunked\r\ntransfer-encoding: cow\r\n"),
        post_with("Content-Length: 5\r\nContent-Length: 6\r\n"),
        post_with("Content-Length: 5\r\nContent-Length: 5\r\n"),
        post_with("Content-Length: 5\r\ncontent-length: 0\r\n"),
        post_with("Content-Length: 5\r\nContent-Length:\r\n"),
        post_with("Content-Length: 5, 5\r\n"),
        post_with("Content-Length: 5, 6\r\n"),
        post_with("Content-Length: 5,5\r\n"),
        post_with("Content-Length: 5,\r\n"),
    });
}

TEST_F(HttpCasesTest, ALengthThatIsMoreThanDigitsIsRefused) {
    for (const auto* length :
         {"", "+5", "-5", "-0", "0x5", "05", "00", "5 0", "5.0", "5e0", "5_0", "5;", "\"5\"",
          "five", "\xD9\xA5", "5\x0b", "99999999999999999999999", "18446744073709551616"}) {
        expect_refused({post_with(fmt::format("Content-Length: {}\r\n", length))});
    }
    expect_refused({post_with("Content-Length: 5\0\r\n"s)});
}

TEST_F(HttpCasesTest, AFieldThatOthersMayReadOtherwiseIsRefused) {
    expect_refused({
        // In several lines.
        get_with("X: a\r\n b\r\n"),
        get_with("X: a\r\n\tb\r\n"),
        get_with("X:\r\n a\r\n"),
        get_with("X: a\r\n \r\n"),
        get_with("X: a\r\n b\r\n c\r\n"),
        get_with("X: a\r\n Content-Length: 5\r\n"),
        post_with("Content-Length:\r\n 5\r\n"),
        post_with("Transfer-Encoding:\r\n chunked\r\n"),
        post_with("Transfer-Encoding: chunked\r\n , identity\r\n"),
        begin_with("GET /healthz HTTP/1.1\r\n X: a"),
        // With another end of line.
        get_with("X: a\nContent-Length: 5\r\n"),
        get_with("X: a\rContent-Length: 5\r\n"),
        get_with("X: a\r\n\rContent-Length: 5\r\n"),
        get_with("X: a\n\r\n"),
        {"GET /healthz HTTP/1.1\nHost: t\n\n", 400},
        {"GET /healthz HTTP/1.1\r\nHost: t\n\r\n", 400},
        {"GET /healthz HTTP/1.1\rHost: t\r\r", 400},
        // With a name that is none.
        get_with("X : a\r\n"),
        get_with("X\t: a\r\n"),
        get_with("Content-Length : 5\r\n"),
        post_with("Transfer-Encoding : chunked\r\n"),
        post_with("Transfer-Encoding\n: chunked\r\n"),
        get_with(": a\r\n"),
        get_with("X\r\n"),
        get_with("X Y: a\r\n"),
        get_with("X(Y): a\r\n"),
        get_with("X\0Y: a\r\n"s),
        get_with("\x7FX: a\r\n"),
        get_with("\xC3\xA4: a\r\n"),
        // With a value that is none.
        get_with("X: a\0b\r\n"s),
        get_with("X: a\x01"
                 "b\r\n"),
        get_with("X: a\x7F"
                 "b\r\n"),
        // Twice, although only one counts.
        post_with("Content-Length: 0\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n"),
        post_with("Content-Length: 0\r\nIdempotency-Key: a\r\nidempotency-key: b\r\n"),
    });
}

TEST_F(HttpCasesTest, ARequestForNoOrSeveralHostsIsRefused) {
    expect_refused({
        {"GET /healthz HTTP/1.1\r\n\r\n", 400},
        {"GET /healthz HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n", 400},
        {"GET /healthz HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n", 400},
        {"GET /healthz HTTP/1.0\r\nHost: t\r\nHost: u\r\n\r\n", 400},
        get_from(""),
        get_from(" a, b"),
        get_from(" a b"),
        get_from(" a/b"),
        get_from(" user@a"),
        get_from(" http://a"),
        get_from(" a:b"),
        get_from(" a:1:2"),
        get_from(" :80"),
        get_from(" [::1"),
        get_from(" [::1]x"),
        get_from(" []"),
        get_from(" ::1"),
        get_from(" a?b"),
        get_from(" a#b"),
        get_from(" \xC3\xA4"),
    });
}

TEST_F(HttpCasesTest, AFirstLineThatOthersMayReadOtherwiseIsRefused) {
    expect_refused({
        get_of("/healthz#x"),
        get_of("/healthz?a#x"),
        get_of("/heal\xC3\xA4thz"),
        get_of("/v1/jobs?queue=\xC3\xA4"),
        get_of("/heal\x80thz"),
        get_of("/heal\0thz"s),
        get_of("/heal\x7Fthz"),
        get_of("/heal\x01thz"),
        get_of("/heal thz"),
        get_of("/heal\tthz"),
        get_of("/heal\rthz"),
        get_of("healthz"),
        get_of("*"),
        get_of("t:80"),
        get_of("ftp://t/healthz"),
        get_of("http:///healthz"),
        get_of("http://user@t/healthz"),
        get_of("http://a b/healthz"),
        get_of(""),
        begin_with("CONNECT t:80 HTTP/1.1"),
        begin_with("GET  /healthz HTTP/1.1"),
        begin_with("GET /healthz  HTTP/1.1"),
        begin_with("GET\t/healthz HTTP/1.1"),
        begin_with("GET /healthz\tHTTP/1.1"),
        begin_with("GET /healthz HTTP/1.1 "),
        begin_with(" GET /healthz HTTP/1.1"),
        begin_with("\rGET /healthz HTTP/1.1"),
        begin_with("\nGET /healthz HTTP/1.1"),
        begin_with("GE(T /healthz HTTP/1.1"),
        begin_with("G\xC3\xA4T /healthz HTTP/1.1"),
        begin_with("GET /healthz"),
        begin_with("GET /healthz http/1.1"),
        begin_with("GET /healthz HTTP/1"),
        begin_with("GET /healthz HTTP/1.10"),
        begin_with("GET /healthz HTTP/01.1"),
        begin_with("GET /healthz HTTP/1,1"),
        begin_with("GET /healthz HTTP/0.9"),
        begin_with("GET /healthz HTTP/2.0"),
        begin_with("GET /healthz XTTP/1.1"),
        begin_with("GET /healthz HTTP /1.1"),
        begin_with("GET"),
        {"GET /healthz\r\n", 400},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
        {"\x16\x03\x01\x02", 400},
    });
}

TEST_F(HttpCasesTest, ChunksThatOthersMayReadOtherwiseAreRefused) {
    expect_refused({
        chunks("5\nhello\r\n0\r\n\r\n"),
        chunks("5\rhello\r\n0\r\n\r\n"),
        chunks("5\r\nhello\n0\r\n\r\n"),
        chunks("5\r\nhello0\r\n\r\n"),
        chunks("5\r\nhello!\r\n0\r\n\r\n"),
        chunks("5\r\nhell\r\n0\r\n\r\n"),
        chunks("5\r\nhello\r\n0\n\n"),
        chunks("5\r\nhello\r\n0\r\n\n"),
        chunks("5;a\nhello\r\n0\r\n\r\n"),
        chunks("5;a=b\rc\r\nhello\r\n0\r\n\r\n"),
        chunks("5;a\0\r\nhello\r\n0\r\n\r\n"s),
        chunks("5;\r\nhello\r\n0\r\n\r\n"),
        chunks("5; \r\nhello\r\n0\r\n\r\n"),
        chunks("5;;\r\nhello\r\n0\r\n\r\n"),
        chunks("5 \r\nhello\r\n0\r\n\r\n"),
        chunks(" 5\r\nhello\r\n0\r\n\r\n"),
        chunks("5 5\r\nhello\r\n0\r\n\r\n"),
        chunks("0x5\r\nhello\r\n0\r\n\r\n"),
        chunks("+5\r\nhello\r\n0\r\n\r\n"),
        chunks("-5\r\nhello\r\n0\r\n\r\n"),
        chunks("0_5\r\nhello\r\n0\r\n\r\n"),
        chunks("5h\r\nhello\r\n0\r\n\r\n"),
        chunks("\r\nhello\r\n0\r\n\r\n"),
        chunks(";a\r\nhello\r\n0\r\n\r\n"),
        chunks("10000000000000005\r\nhello\r\n0\r\n\r\n"),
        chunks("00000000000000005\r\nhello\r\n0\r\n\r\n"),
        chunks("0\r\nContent-Length 5\r\n\r\n"),
        chunks("0\r\nX : a\r\n\r\n"),
        chunks("0\r\nX: a\n\r\n"),
        chunks("0\r\nX: a\r\n b\r\n\r\n"),
        chunks("0\r\n: a\r\n\r\n"),
        chunks("0\r\nX: \0\r\n\r\n"s),
    });
}

TEST_F(HttpCasesTest, WhatOnlyLooksOddIsTakenAsEverybodyWould) {
    expect_taken({
        {"\r\n\r\nGET /healthz HTTP/1.1\r\nHost: t\r\n\r\n", 200},
        {"GET /healthz HTTP/1.1\r\nHost:t:\r\nX:\r\nY: \t a \t\r\n\r\n", 200},
        {"GET /healthz HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 200},
        {"GET /healthz HTTP/1.1\r\nHost: a_b-c.d%20e\r\nX: \xC3\xA4\r\n\r\n", 200},
        {"GET http://other:1 HTTP/1.1\r\nHost: t\r\n\r\n", 404},
        {"GET /healthz HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n", 200},
        {"GET /healthz HTTP/1.1\r\nHost: t\r\nContent-Length: \t5\t \r\n\r\nhello", 200},
        {"GET /healthz HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: \tChunked \r\n\r\n0\r\n\r\n", 200},
        {"GET /healthz HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
         "05 \t; a=\"b; c\" ;d\r\nhello\r\n0;e\r\nContent-Length: 9\r\nHost: u\r\n\r\n",
         200},
        {"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200},
        {"GET /healthz HTTP/1.1\r\nHost: t\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", 200},
        {"get /healthz HTTP/1.1\r\nHost: t\r\n\r\n", 405},
        {"TRACE /healthz HTTP/1.1\r\nHost: t\r\n\r\n", 405},
        {std::string(5000, 'X') + " /healthz HTTP/1.1\r\nHost: t\r\n\r\n", 405},
        {"OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n", 204},
    });
}

}  // namespace
}  // namespace millrace::test

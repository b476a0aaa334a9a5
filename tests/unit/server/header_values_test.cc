#include "producer/server/header_values.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace millrace::server {
namespace {

using std::chrono::seconds;

TEST(HeaderValues, DecodePercents) {
    EXPECT_EQ(percent_decode("a%20b+c%2b", true), "a b c+");
    EXPECT_EQ(percent_decode("a+b", false), "a+b");
    for (const auto* bad : {"%", "%1", "%1g", "%-1", "%+1", "% 1", "%00", "%ff", "%C3"}) {
        EXPECT_FALSE(percent_decode(bad, false)) << bad;
    }
}

TEST(HeaderValues, SplitQueries) {
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(parse_query("a=1&b=&c&&d=x=y&e=%26"),
              (Pairs{{"a", "1"}, {"b", ""}, {"c", ""}, {"d", "x=y"}, {"e", "&"}}));
    EXPECT_EQ(parse_query(""), Pairs());
    EXPECT_FALSE(parse_query("a=1&b=%zz"));
}

TEST(HeaderValues, FindTheWaitAmongPreferences) {
    EXPECT_EQ(prefer_wait("wait=10"), seconds(10));
    EXPECT_EQ(prefer_wait("respond-async, Wait = \"7\"; x=1"), seconds(7));
    EXPECT_EQ(prefer_wait("wait=1.5"), milliseconds(1500));
    EXPECT_EQ(prefer_wait("foo=\"a, wait=3\", wait=4"), seconds(4));
    EXPECT_GT(prefer_wait("wait=99999999999999999999"), seconds(1'000'000));
    for (const auto* none :
         {"", "wait", "wait=", "wait=x", "wait=-1", "awaiting=1", "wait=1s", "wait=inf"}) {
        EXPECT_FALSE(prefer_wait(none)) << none;
    }
}

TEST(HeaderValues, KnowHosts) {
    for (const auto* host : {"t", "a.b:80", "127.0.0.1:1", "[::1]", "[::1]:80", "[fe80::1%25eth0]",
                             "a_b-c~d", "a%20b", "t:"}) {
        EXPECT_TRUE(is_host(host)) << host;
    }
    for (const auto* none : {"", ":", ":80", "a b", "a/b", "a@b", "a,b c", "::1", "a:b", "a:1:2",
                             "[]", "[", "[::1", "[::1]x", "[a/b]", "a[::1]", "\xC3\xA4", "a#b"}) {
        EXPECT_FALSE(is_host(none)) << none;
    }
}

TEST(HeaderValues, KnowJsonMediaTypes) {
    EXPECT_TRUE(is_json_media_type("application/json"));
    EXPECT_TRUE(is_json_media_type("Application/JSON; charset=utf-8"));
    EXPECT_TRUE(is_json_media_type("application/vnd.x+json"));
    EXPECT_FALSE(is_json_media_type("text/plain"));
    EXPECT_FALSE(is_json_media_type("application/jsonp"));
    EXPECT_FALSE(is_json_media_type("+json"));
    EXPECT_FALSE(is_json_media_type(""));
}

TEST(HeaderValues, CompareTagsWeakly) {
    EXPECT_TRUE(etag_matches("\"a\", W/\"b\"", "W/\"b\""));
    EXPECT_TRUE(etag_matches("\"b\"", "W/\"b\""));
    EXPECT_TRUE(etag_matches("*", "W/\"b\""));
    EXPECT_FALSE(etag_matches("\"bb\"", "W/\"b\""));
    EXPECT_FALSE(etag_matches("", "W/\"b\""));
}

TEST(HeaderValues, WriteDatesForHttp) {
    EXPECT_EQ(http_date(std::chrono::sys_seconds(seconds(784111777))),
              "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(HeaderValuesFuzz, NeverReadOutsideTheirText) {
    test::SeededRandom random(3);
    static constexpr std::string_view kBytes = "%+&=\",;: \t-.0123456789TZWwaitabcf/\xFF*";
    for (int i = 0; i < 20'000; ++i) {
        std::string text;
        for (auto n = random.below(40); n > 0; --n) text += kBytes[random.below(kBytes.size())];
        percent_decode(text, true);
        parse_query(text);
        prefer_wait(text);
        etag_matches(text, "W/\"a\"");
        parse_idempotency_key(text, 255);
        is_json_media_type(text);
    }
}

}  // namespace
}  // namespace millrace::server

#include "common/http/sse_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace millrace::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kLimit = 1000;

std::vector<ServerEvent> parse(std::string_view text) {
    SseParser parser(kLimit);
    std::vector<ServerEvent> events;
    EXPECT_TRUE(parser.feed(text, events));
    return events;
}

TEST(SseParser, ReadsFieldsUpToTheEmptyLine) {
    EXPECT_THAT(parse("event: a\nid: 7\ndata: one\ndata: two\n\n"),
                ElementsAre(ServerEvent{.type = "a", .id = "7", .data = "one\ntwo"}));
}

TEST(SseParser, TakesAnyLineEnding) {
    const ServerEvent event{.data = "x"};
    EXPECT_THAT(parse("data: x\r\n\r\ndata: x\r\rdata: x\n\n"), ElementsAre(event, event, event));
}

TEST(SseParser, SkipsCommentsUnknownFieldsAndEventsWithoutData) {
    EXPECT_THAT(parse(": ping\n\nretry: 5\nevent: nothing\n\n"), IsEmpty());
}

TEST(SseParser, KeepsErrorsThatAreNotFields) {
    EXPECT_THAT(parse("error: {\"code\":400}\n\ndata: [DONE]\n\n"),
                ElementsAre(ServerEvent{.type = "error", .data = "{\"code\":400}"},
                            ServerEvent{.data = "[DONE]"}));
    EXPECT_THAT(parse(": ping\n\n{\"error\":\"gone: x\"}\n\n"),
                ElementsAre(ServerEvent{.data = "{\"error\":\"gone: x\"}"}));
}

TEST(SseParser, StripsOneSpaceAndNoMore) {
    EXPECT_THAT(parse("data:x\n\ndata:  x\n\n"),
                ElementsAre(ServerEvent{.data = "x"}, ServerEvent{.data = " x"}));
}

TEST(SseParser, SkipsAByteOrderMarkAtTheBeginningOnly) {
    EXPECT_THAT(parse("\xEF\xBB\xBF"
                      "data: a\n\n"),
                ElementsAre(ServerEvent{.data = "a"}));
    EXPECT_THAT(parse("data: a\n\n\xEF\xBB\xBF"
                      "data: b\n\n"),
                ElementsAre(ServerEvent{.data = "a"}));
}

TEST(SseParser, DoesNotReportATruncatedEvent) {
    EXPECT_THAT(parse("data: not ended\n"), IsEmpty());
}

TEST(SseParser, FindsTheSameEventsHoweverTheBytesAreCut) {
    const std::string text =
        "\xEF\xBB\xBF: hello\r\ndata: {\"a\":\"grüße\"}\r\n\r\n"
        "event: x\rdata: one\rdata: two\r\r\n\ndata:\n\nid: 9\ndata\ndata:z\n\n";
    const auto whole = parse(text);
    ASSERT_EQ(whole.size(), 4U);
    const std::string_view view = text;
    for (std::size_t first = 0; first <= view.size(); ++first) {
        for (std::size_t second = first; second <= view.size(); ++second) {
            SseParser parser(kLimit);
            std::vector<ServerEvent> events;
            EXPECT_TRUE(parser.feed(view.substr(0, first), events));
            EXPECT_TRUE(parser.feed(view.substr(first, second - first), events));
            EXPECT_TRUE(parser.feed(view.substr(second), events));
            ASSERT_EQ(events, whole) << "cut at " << first << " and " << second;
        }
    }
}

TEST(SseParser, SurvivesAnyBytes) {
    test::SeededRandom random(7);
    const std::string_view alphabet = "dat:a \r\n\n\n\xEF\xBB\xBF\x00{}";
    for (int round = 0; round < 2000; ++round) {
        std::string bytes;
        for (int i = 0; i < 60; ++i) bytes += alphabet[random.next() % alphabet.size()];
        SseParser parser(kLimit);
        std::vector<ServerEvent> events;
        for (const char byte : bytes) EXPECT_TRUE(parser.feed({&byte, 1}, events));
        ASSERT_EQ(events, parse(bytes)) << "round " << round;
    }
}

TEST(SseParser, KnowsWhatIsLeftOverAtTheEnd) {
    const auto rest = [](const std::string& bytes) -> std::string {
        SseParser parser(kLimit);
        std::vector<ServerEvent> events;
        EXPECT_TRUE(parser.feed(bytes, events));
        const auto left = parser.rest();
        EXPECT_FALSE(parser.rest());
        return left ? left->type + "|" + left->data : "none";
    };
    EXPECT_EQ(rest("data: a\n\ndata: b\n"), "|b");
    EXPECT_EQ(rest("event: e\r\ndata: b\r\ndata: c"), "e|b\nc");
    EXPECT_EQ(rest("data: a\n\n"), "none");
    EXPECT_EQ(rest("data: a\n\n: ping"), "none");
    EXPECT_EQ(rest("data: a\n\nevent: e\n"), "none");
    EXPECT_EQ(rest(""), "none");
}

TEST(SseParser, BoundsItsBuffer) {
    const auto feed = [](const std::string& bytes) {
        std::vector<ServerEvent> events;
        return SseParser(kLimit).feed(bytes, events);
    };
    EXPECT_TRUE(feed("data: " + std::string(kLimit - 10, 'x') + "\n\n"));
    EXPECT_FALSE(feed(std::string(kLimit + 1, 'x')));
    std::string lines;
    for (std::size_t i = 0; i < kLimit; ++i) lines += "data: x\n";
    EXPECT_FALSE(feed(lines));
}

}  // namespace
}  // namespace millrace::http

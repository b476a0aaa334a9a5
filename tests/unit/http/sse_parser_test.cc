#include "common/http/sse_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST(SseParser, StripsOneSpaceAndNoMore) {
    EXPECT_THAT(parse("data:x\n\ndata:  x\n\n"),
                ElementsAre(ServerEvent{.data = "x"}, ServerEvent{.data = " x"}));
}

TEST(SseParser, FindsTheSameEventsHoweverTheBytesAreCut) {
    const std::string text = "event: e\r\ndata: a: b\r\n\r\n: c\n\nid: 9\ndata\ndata:z\n\n";
    const auto whole = parse(text);
    ASSERT_EQ(whole.size(), 2U);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        SseParser parser(kLimit);
        std::vector<ServerEvent> events;
        EXPECT_TRUE(parser.feed(std::string_view(text).substr(0, cut), events));
        EXPECT_TRUE(parser.feed(std::string_view(text).substr(cut), events));
        EXPECT_EQ(events, whole) << "cut at " << cut;
    }
}

TEST(SseParser, RefusesAnEventThatIsTooLarge) {
    SseParser parser(16);
    std::vector<ServerEvent> events;
    EXPECT_FALSE(parser.feed("data: 0123456789abcdef\n\n", events));
}

}  // namespace
}  // namespace millrace::http

// The parser against the standard's rules, and against every way to cut a stream in two.
#include "worker/backends/openai/sse_parser.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace millrace::worker {
namespace {

using Events = std::vector<std::string>;

constexpr std::size_t kMax = 1000;

Events parse(const std::vector<std::string_view>& pieces) {
    SseParser parser(kMax);
    Events events;
    for (const auto piece : pieces) {
        EXPECT_TRUE(parser.feed(piece, [&](std::string_view data) {
            events.emplace_back(data);
            return true;
        }));
    }
    return events;
}

TEST(SseParser, FollowsTheStandard) {
    EXPECT_EQ(parse({"data: a\n\n"}), Events{"a"});
    EXPECT_EQ(parse({"data:a\r\n\r\ndata:  b\r\r"}), (Events{"a", " b"}));
    EXPECT_EQ(parse({"data: a\ndata: b\n\n"}), Events{"a\nb"});
    EXPECT_EQ(parse({"data\n\n"}), Events{""});
    EXPECT_EQ(parse({": ping\n\nevent: x\nid: 1\nretry: 5\n\n"}), Events{});
    EXPECT_EQ(parse({"event: error\ndata: {\"a\":1}\n\n"}), Events{"{\"a\":1}"});
    EXPECT_EQ(parse({"\xEF\xBB\xBF"
                     "data: a\n\n"}),
              Events{"a"});
    EXPECT_EQ(parse({"datax: a\n data: b\n\n"}), Events{});
    EXPECT_EQ(parse({"data: not ended\n"}), Events{});
}

TEST(SseParser, GivesTheSameEventsWhereverTheStreamIsCut) {
    const std::string stream =
        "\xEF\xBB\xBF: hello\r\ndata: {\"a\":\"grüße\"}\r\n\r\n"
        "event: x\rdata: one\rdata: two\r\r\n\ndata:\n\ndata: [DONE]\n\n";
    const auto whole = parse({stream});
    EXPECT_EQ(whole, (Events{"{\"a\":\"grüße\"}", "one\ntwo", "", "[DONE]"}));
    const std::string_view view = stream;
    for (std::size_t first = 0; first <= view.size(); ++first) {
        for (std::size_t second = first; second <= view.size(); ++second) {
            EXPECT_EQ(parse({view.substr(0, first), view.substr(first, second - first),
                             view.substr(second)}),
                      whole)
                << first << ' ' << second;
        }
    }
}

TEST(SseParser, SurvivesAnyBytes) {
    std::mt19937 random(7);
    const std::string_view alphabet = "dat:a \r\n\n\n\xEF\xBB\xBF\x00{}";
    for (int round = 0; round < 2000; ++round) {
        std::string bytes;
        for (int i = 0; i < 60; ++i) bytes += alphabet[random() % alphabet.size()];
        const auto whole = parse({bytes});
        std::vector<std::string_view> single;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            single.push_back(std::string_view(bytes).substr(i, 1));
        }
        ASSERT_EQ(parse(single), whole) << "seed 7, round " << round;
    }
}

TEST(SseParser, BoundsWhatItHolds) {
    const auto feed = [](const std::string& bytes) {
        return SseParser(kMax).feed(bytes, [](std::string_view) { return true; });
    };
    EXPECT_TRUE(feed("data: " + std::string(kMax - 10, 'x') + "\n\n"));
    EXPECT_FALSE(feed(std::string(kMax + 1, 'x')));
    std::string lines;
    for (std::size_t i = 0; i < kMax; ++i) lines += "data: x\n";
    EXPECT_FALSE(feed(lines));
}

TEST(SseParser, StopsWhenToldTo) {
    SseParser parser(kMax);
    int events = 0;
    EXPECT_FALSE(parser.feed("data: a\n\ndata: b\n\n", [&](std::string_view) {
        ++events;
        return false;
    }));
    EXPECT_EQ(events, 1);
}

}  // namespace
}  // namespace millrace::worker

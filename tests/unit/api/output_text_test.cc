#include "producer/api/output_text.h"

#include <gtest/gtest.h>

#include <vector>

namespace millrace::api {
namespace {

// A reader that appends all that it receives.
class Reader {
 public:
    void take(std::uint64_t offset, std::string_view delta) { has += text.take(offset, delta); }
    void take_whole(std::string_view whole) { has += text.take_whole(whole); }

    OutputText text{TextCursor{.epoch = 1}};
    std::string has;
};

TEST(OutputText, GivesDeltasAsTheyCome) {
    Reader reader;
    reader.take(0, "Hel");
    reader.take(3, "lo");
    EXPECT_EQ(reader.has, "Hello");
    EXPECT_FALSE(reader.text.has_hole());
}

TEST(OutputText, LeavesOutWhatTheReaderHas) {
    Reader reader;
    reader.take_whole("Hello");
    reader.take(0, "Hel");
    reader.take(3, "lo, wor");
    reader.take(3, "lo, wor");
    reader.take_whole("Hello");
    EXPECT_EQ(reader.has, "Hello, wor");
}

TEST(OutputText, HoldsWhatComesAfterAHoleUntilTheRowFillsIt) {
    Reader reader;
    reader.take_whole("0 1 2 ");
    reader.take(10, "5 6 ");
    reader.take(14, "7");
    EXPECT_EQ(reader.has, "0 1 2 ");
    EXPECT_TRUE(reader.text.has_hole());
    // The row still lags behind the end of the gap.
    reader.take_whole("0 1 2 3 ");
    EXPECT_EQ(reader.has, "0 1 2 3 ");
    EXPECT_TRUE(reader.text.has_hole());
    reader.take_whole("0 1 2 3 4 5 ");
    EXPECT_EQ(reader.has, "0 1 2 3 4 5 6 7");
    EXPECT_FALSE(reader.text.has_hole());
}

TEST(OutputText, ALateDeltaFillsAHoleToo) {
    Reader reader;
    reader.take(2, "c");
    reader.take(3, "d");
    reader.take(0, "ab");
    EXPECT_EQ(reader.has, "abcd");
}

TEST(OutputText, SeveralHolesAreFilledOneByOne) {
    Reader reader;
    reader.take(2, "c");
    reader.take(4, "e");
    reader.take_whole("ab");
    EXPECT_EQ(reader.has, "abc");
    EXPECT_TRUE(reader.text.has_hole());
    reader.take(3, "d");
    EXPECT_EQ(reader.has, "abcde");
}

TEST(OutputText, HoldsABoundedAmountAndFindsTheRestInTheRow) {
    Reader reader;
    const std::string whole = "x" + std::string(OutputText::kHeldMax, 'y') + "zzz";
    reader.take(1, std::string(OutputText::kHeldMax, 'y'));
    reader.take(1 + OutputText::kHeldMax, "zzz");
    reader.take(0, "x");
    EXPECT_EQ(reader.has.size(), 1 + OutputText::kHeldMax);
    EXPECT_TRUE(reader.text.has_hole()) << "the last delta was not kept";
    reader.take_whole(whole);
    EXPECT_EQ(reader.has, whole);
}

TEST(OutputText, NeverContinuesWithAnotherText) {
    Reader reader;
    reader.take(0, "Hello");
    reader.take_whole("Hallo, world");
    EXPECT_EQ(reader.has, "Hello");
}

TEST(OutputText, IsTheTextWhateverIsLostOrComesTwice) {
    const std::string whole = "the quick brown fox jumps over the lazy dog";
    for (unsigned seed = 0; seed < 500; ++seed) {
        auto random = seed * 2654435761U + 1;
        const auto next = [&random](unsigned below) {
            random = random * 1664525U + 1013904223U;
            return (random >> 16U) % below;
        };
        Reader reader;
        for (int step = 0; step < 40; ++step) {
            const auto begin = next(static_cast<unsigned>(whole.size()));
            const auto size = next(8);
            if (next(5) == 0) {
                reader.take_whole(whole.substr(0, begin));
            } else {
                reader.take(begin, whole.substr(begin, size));
            }
            ASSERT_EQ(reader.has, whole.substr(0, reader.has.size())) << seed;
        }
        reader.take_whole(whole);
        EXPECT_EQ(reader.has, whole) << seed;
        EXPECT_FALSE(reader.text.has_hole());
    }
}

TEST(TextCursor, ComesBackFromAnEventsId) {
    TextCursor cursor{.epoch = 12};
    cursor.append("Hello");
    const auto parsed = TextCursor::parse(cursor.str());
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->epoch, 12);
    EXPECT_EQ(parsed->bytes, 5U);
    EXPECT_TRUE(parsed->begins("Hello, world"));
    EXPECT_FALSE(parsed->begins("Hallo, world"));
    EXPECT_FALSE(parsed->begins("Hell"));
}

TEST(TextCursor, IsNullForOtherIds) {
    for (const auto* id :
         {"", "7", "1-2", "1-2-", "1-2-x", "-1-2-3", "1--2-3", "1-2-3-4", "a-b-c", "1-2-3 ",
          " 1-2-3", "99999999999999999999-1-1", "1-2-fffffffffffffffff"}) {
        EXPECT_FALSE(TextCursor::parse(id)) << id;
    }
}

// If the row never fills a gap, the cost is an occasional look.
TEST(FillPace, SlowsDown) {
    FillPace pace;
    std::vector<milliseconds::rep> waits;
    for (int i = 0; i < 7; ++i) waits.push_back(pace.next().count());
    EXPECT_EQ(waits, (std::vector<milliseconds::rep>{250, 500, 1000, 2000, 4000, 5000, 5000}));
}

TEST(TextOfOutput, IsFoundWhereBackendsPutIt) {
    EXPECT_EQ(text_of_output(R"({"text":"a\nb"})"), "a\nb");
    EXPECT_EQ(text_of_output(R"({"choices":[{"message":{"role":"assistant","content":"hi"}}]})"),
              "hi");
    EXPECT_EQ(text_of_output(R"({"choices":[{"index":0,"text":"hi"}]})"), "hi");
}

TEST(TextOfOutput, IsNullUnlessThereIsOneText) {
    for (const auto* output :
         {R"({"choices":[{"text":"a"},{"text":"b"}]})", R"({"choices":[]})", R"({"choices":{}})",
          R"({"choices":[{"message":{"content":null}}]})", R"({"text":7})", R"("text")", "null",
          "[1]", R"({"data":[]})", "no json", ""}) {
        EXPECT_FALSE(text_of_output(output)) << output;
    }
}

}  // namespace
}  // namespace millrace::api

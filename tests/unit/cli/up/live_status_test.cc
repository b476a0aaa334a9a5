#include "producer/cli/up/live_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace millrace::cli::up {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Fit, CutsAtWholeCharacters) {
    EXPECT_EQ(fit("abcdef", 6), "abcdef");
    EXPECT_EQ(fit("abcdefg", 6), "abc...");
    EXPECT_EQ(fit("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", 4), "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f");
    EXPECT_EQ(fit("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9fx", 4), "\xc3\xa4...");
    EXPECT_EQ(fit("abcdef", 2), "..");
    EXPECT_EQ(fit("abcdef", 0), "");
}

TEST(Fit, LetsNothingMoveTheCursor) {
    EXPECT_EQ(fit("a\nb\rc\x1b[2Jd\x7f", 80), "a b c [2Jd ");
}

class LiveStatusTest : public testing::Test {
 protected:
    LiveStatus status(bool is_live, int columns = 80) {
        return LiveStatus(clock_, {.is_live = is_live,
                                   .columns = [columns] { return columns; },
                                   .write = [this](std::string_view text) { written_ += text; }});
    }
    void refresh(LiveStatus& status, const std::string& line) {
        clock_.advance(std::chrono::seconds(10));
        status.refresh([&] { return line; });
    }

    test::ManualClock clock_;
    std::string written_;
};

TEST_F(LiveStatusTest, DrawsItsLineOverItself) {
    auto screen = status(true);
    refresh(screen, "one");
    refresh(screen, "two!");
    EXPECT_EQ(written_, "one\r   \rtwo!");
}

TEST_F(LiveStatusTest, KeepsItsLineBelowPermanentLines) {
    auto screen = status(true);
    refresh(screen, "one");
    screen.say("a line");
    EXPECT_EQ(written_, "one\r   \ra line\none");
    screen.finish();
    screen.say("the end");
    EXPECT_TRUE(written_.ends_with("one\r   \rthe end\n"));
}

TEST_F(LiveStatusTest, StaysOneLineHoweverNarrowTheTerminalIs) {
    for (const int columns : {1, 2, 10, 40}) {
        written_.clear();
        auto screen = status(true, columns);
        refresh(screen, "1 worker, 0 running, 12345 waiting (default/normal 12345)");
        EXPECT_LT(written_.size(), static_cast<std::size_t>(std::max(columns, 2))) << columns;
        refresh(screen, "short");
        EXPECT_THAT(written_, Not(HasSubstr("\n")));
    }
}

TEST_F(LiveStatusTest, PrintsALineWhenItHasChangedWithoutATerminal) {
    auto screen = status(false);
    refresh(screen, "one");
    refresh(screen, "one");
    screen.say("a line");
    refresh(screen, "two");
    EXPECT_EQ(written_, "one\na line\ntwo\n");
}

TEST_F(LiveStatusTest, AsksForTheLineNowAndThenOnly) {
    auto screen = status(true);
    int asked = 0;
    clock_.advance(std::chrono::seconds(1));
    for (int i = 0; i < 100; ++i) {
        screen.refresh([&] {
            ++asked;
            return std::string("x");
        });
        clock_.advance(milliseconds(100));
    }
    EXPECT_GE(asked, 9);
    EXPECT_LE(asked, 11);
}

TEST_F(LiveStatusTest, PassesNoControlSequencesToTheTerminal) {
    auto screen = status(true);
    screen.say("worker 1: \x1b[2J\x07");
    EXPECT_THAT(written_, Not(HasSubstr("\x1b")));
    EXPECT_THAT(written_, Not(HasSubstr("\x07")));
}

}  // namespace
}  // namespace millrace::cli::up

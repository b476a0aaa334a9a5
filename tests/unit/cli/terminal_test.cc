// Output fits the terminal that shows it.
#include "producer/cli/terminal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Table some_jobs() {
    Table table({{"ID", 0}, {"STATUS", 0}, {"MODEL", 2, 8}, {"ERROR", 1, 6}});
    table.add({"job_1", "completed", "a-model-of-long-name", ""});
    table.add({"job_2", "failed", "m", "worker_lost"});
    return table;
}

TEST(Table, IsWholeIfNothingBoundsIt) {
    EXPECT_THAT(some_jobs().lines(0), ElementsAre("ID     STATUS     MODEL                 ERROR",
                                                  "job_1  completed  a-model-of-long-name",
                                                  "job_2  failed     m                     "
                                                  "worker_lost"));
}

TEST(Table, ShrinksColumnsBeforeItLeavesSomeOut) {
    EXPECT_THAT(some_jobs().lines(36),
                ElementsAre("ID    STATUS    MODEL    ERROR", "job_1 completed a-model…",
                            "job_2 failed    m        worker_lost"));
    EXPECT_THAT(some_jobs().lines(25), ElementsAre("ID    STATUS    ERROR", "job_1 completed",
                                                   "job_2 failed    worker_l…"));
}

TEST(Table, FitsAnyWidth) {
    for (std::size_t width = 10; width < 120; ++width) {
        for (const auto& line : some_jobs().lines(width)) EXPECT_LE(columns(line), width);
    }
}

TEST(ProgressLine, FitsAnyWidth) {
    for (std::size_t width = 1; width < 120; ++width) {
        EXPECT_LE(columns(progress_line("submitting", 5000, 13000, width)), width);
    }
    EXPECT_EQ(progress_line("x", 1, 2, 14), "x [###   ] 1/2");
    EXPECT_THAT(progress_line("submitting", 5000, 13000, 200), HasSubstr("5000/13000"));
}

TEST(Printable, PassesNoControlSequencesToTheTerminal) {
    EXPECT_EQ(printable("a\x1b[2Jb\x07"), "a?[2Jb?");
    EXPECT_EQ(printable("a\xc2\x9b"
                        "2Jb"),
              "a?2Jb");
    EXPECT_EQ(printable("zeile\r\nzwei\rdrei"), "zeile\nzwei?drei");
    EXPECT_EQ(printable("Zürich \xc2\xa0 \xf0\x9f\x98\x80\t!"),
              "Zürich \xc2\xa0 \xf0\x9f\x98\x80\t!");
}

TEST(Printable, ChangesNoByteForAPipe) {
    EXPECT_EQ(for_output("a\x1b[2J\r\nb"), is_terminal() ? "a?[2J\nb" : "a\x1b[2J\r\nb");
}

TEST(TimeText, NamesItsZone) {
    EXPECT_EQ(time_text(0), "-");
    EXPECT_THAT(time_text(1760000000),
                testing::MatchesRegex("2025-10-0[89] [0-9:]+ [+-][0-9][0-9][0-9][0-9]"));
    EXPECT_THAT(time_text(std::numeric_limits<std::int64_t>::max()), Not(testing::IsEmpty()));
}

TEST(Utf8, IsWhatTheStandardSays) {
    for (const auto* good : {"", "a", "ü", "€", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
        EXPECT_TRUE(is_utf8(good)) << good;
    }
    for (const auto* bad : {"\xff", "\xfc", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\x80",
                            "\xf4\x90\x80\x80", "\xf0\x9f\x98", "a\xc3"}) {
        EXPECT_FALSE(is_utf8(bad));
    }
}

TEST(Shortened, CutsBetweenCharacters) {
    EXPECT_EQ(shortened("abc", 3), "abc");
    EXPECT_EQ(shortened("abcd", 3), "ab…");
    EXPECT_EQ(shortened("äöüß", 3), "äö…");
    EXPECT_EQ(shortened("abc", 1), "…");
    EXPECT_EQ(shortened("abc", 0), "");
}

}  // namespace
}  // namespace millrace::cli

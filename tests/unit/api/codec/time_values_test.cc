#include "producer/api/codec/time_values.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace millrace::api::codec {
namespace {

std::optional<std::int64_t> micros(std::string_view text) {
    const auto time = parse_time(text);
    if (!time) return std::nullopt;
    return time->time_since_epoch().count();
}

TEST(TimeValues, ReadUnixSeconds) {
    EXPECT_EQ(micros("0"), 0);
    EXPECT_EQ(micros("1760000000"), 1760000000'000000);
    EXPECT_EQ(micros("1760000000.5"), 1760000000'500000);
    EXPECT_EQ(micros("1.76e9"), 1760000000'000000);
    EXPECT_EQ(micros("253402300799"), 253402300799'000000);
}

TEST(TimeValues, ReadRfc3339AndWhatLibrariesWriteForIt) {
    EXPECT_EQ(micros("2025-10-09T08:53:20Z"), 1760000000'000000);
    EXPECT_EQ(micros("2025-10-09T10:53:20.125+02:00"), 1760000000'125000);
    EXPECT_EQ(micros("2025-10-09t03:23:20.1234567-05:30"), 1760000000'123456);
    EXPECT_EQ(micros("2025-10-09 08:53:20z"), 1760000000'000000);
    EXPECT_EQ(micros("2025-10-09T10:53:20+0200"), 1760000000'000000);
    EXPECT_EQ(micros("2025-10-09T10:53:20+02"), 1760000000'000000);
    EXPECT_EQ(micros("2025-10-09T08:53Z"), 1759999980'000000);
    EXPECT_EQ(micros("2025-10-09T08:53:20." + std::string(200, '9') + "Z"), 1760000000'999999);
    EXPECT_EQ(micros("2024-02-29T00:00:00Z"), 1709164800'000000);
    EXPECT_EQ(micros("1970-01-01T00:00:00Z"), 0);
    EXPECT_EQ(micros("9999-12-31T23:59:59Z"), 253402300799'000000);
}

TEST(TimeValues, ReadALeapSecondAsTheNextSecond) {
    EXPECT_EQ(micros("2016-12-31T23:59:60Z"), micros("2017-01-01T00:00:00Z"));
    EXPECT_EQ(micros("2017-01-01T00:59:60+01:00"), micros("2017-01-01T00:00:00Z"));
    EXPECT_FALSE(micros("2016-12-31T12:30:60Z"));
}

// The offset says which of the two hours is meant when the clocks go back in autumn.
TEST(TimeValues, DoNotAskWhetherTheClocksChange) {
    EXPECT_EQ(micros("2026-10-25T02:30:00+02:00"), micros("2026-10-25T00:30:00Z"));
    EXPECT_EQ(micros("2026-10-25T02:30:00+01:00"), micros("2026-10-25T01:30:00Z"));
}

TEST(TimeValues, RefuseInvalidTimesAndSayWhatToSend) {
    const std::string any =
        "unix seconds, or a time with its zone such as \"2030-01-31T09:00:00Z\"";
    const std::string zone = "its zone as Z or as an offset from UTC such as +02:00";
    const std::pair<std::string, std::string> cases[] = {
        {"", any},
        {"now", any},
        {"tomorrow", any},
        {"nan", any},
        {"inf", any},
        {"2025/10/09T08:53:20Z", any},
        {"2025-10-09T08:53:20.Z", any},
        {"Thu, 09 Oct 2025 08:53:20 GMT", any},
        {"-1", "a time from 1970 on"},
        {"1969-12-31T23:59:59Z", "a time from 1970 on"},
        {"0000-01-01T00:00:00Z", "a time from 1970 on"},
        {"2027", "a whole time such as \"2027-01-01T00:00:00Z\""},
        {"60", any + "; a number below 100000000 is not a time of this century"},
        {"20270101", any + "; a number below 100000000 is not a time of this century"},
        {"2027.5", any + "; a number below 100000000 is not a time of this century"},
        {"99999999", any + "; a number below 100000000 is not a time of this century"},
        {"1760000000000", "seconds, not milliseconds: 1760000000"},
        {"1760000000123456", "seconds, not microseconds: 1760000000"},
        {"1760000000000000000", "seconds, not nanoseconds: 1760000000"},
        {"99999999999999999999999", "a time up to the year 9999"},
        {"1e300", "a time up to the year 9999"},
        {"253402300800", "seconds, not milliseconds: 253402300"},
        {"2025-10-09", "the time of the day too: \"2025-10-09T00:00:00Z\""},
        {"2025-10-09T08:53:20",
         "its time zone too: \"2025-10-09T08:53:20Z\" for UTC, or an offset "
         "such "
         "as \"2025-10-09T08:53:20+02:00\""},
        {"2025-10-09T08:53:20 02:00", "the + of its zone as %2B; in a query a bare + is a space"},
        {"2025-10-09T08:53:20 UTC", zone},
        {"2025-10-09T08:53:20Europe/Berlin", zone},
        {"2025-10-09T08:53:20+02:00[Europe/Berlin]", zone},
        {"2025-10-09T08:53:20+2:00", zone},
        {"2025-10-09T08:53:20+25:00", zone},
        {"2025-10-09T08:53:20Zx", zone},
        {"2025-02-29T00:00:00Z", "a day that exists: 2025-02 has 28 days"},
        {"2025-02-30T00:00:00Z", "a day that exists: 2025-02 has 28 days"},
        {"2025-04-00T00:00:00Z", "a day that exists: 2025-04 has 30 days"},
        {"2025-13-01T00:00:00Z", "a month from 01 to 12"},
        {"2025-10-09T24:00:00Z", "00:00 of the next day instead of the hour 24"},
        {"2025-10-09T25:00:00Z", "an hour from 00 to 23"},
        {"2025-10-09T08:60:00Z", "a minute from 00 to 59"},
        {"2025-10-09T08:53:60Z", "seconds from 00 to 59; 60 only where a day of UTC ends"},
    };
    for (const auto& [text, advice] : cases) {
        EXPECT_FALSE(micros(text)) << text;
        EXPECT_EQ(time_advice(text), advice) << text;
    }
}

TEST(TimeValues, SayWhatADurationWouldBeHere) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"1h30m", "90m"}, {"1.5h", "90m"},   {"1.5", "1500ms"},    {"90", "90s"},
        {"PT10M", "10m"}, {"P1DT2H", "26h"}, {"P2W", "14d"},       {"10M", "10m"},
        {"5 min", "5m"},  {"2 Hours", "2h"}, {"1d 12h", "36h"},    {"1e3", ""},
        {"0.0001s", ""},  {"", ""},          {"soon", ""},         {"∞", ""},
        {"P1M", ""},      {"P1Y", ""},       {"PT", ""},           {"-5s", ""},
        {"h", ""},        {"1h-", ""},       {"99999999999d", ""}, {"1.2.3s", ""},
    };
    for (const auto& [text, same] : cases) {
        const auto wanted =
            same.empty() ? "one number and one of ms, s, m, h, d, such as \"30s\" or \"24h\""
                         : "one number and one of ms, s, m, h, d: \"" + std::string(same) + "\"";
        EXPECT_EQ(duration_advice(text), wanted) << text;
    }
}

TEST(TimeValuesFuzz, NeverReadOutsideTheirText) {
    test::SeededRandom random(3);
    static constexpr std::string_view kBytes = "+-:. 0123456789TZPtzphmsde/\xFF";
    for (int i = 0; i < 20'000; ++i) {
        std::string text;
        for (auto n = random.below(40); n > 0; --n) text += kBytes[random.below(kBytes.size())];
        for (const auto& each : {text, "2025-10-09T08:53:20" + text, "2025-10-09" + text}) {
            EXPECT_TRUE(parse_time(each) || !time_advice(each).empty()) << each;
            EXPECT_FALSE(duration_advice(each).empty()) << each;
        }
    }
}

}  // namespace
}  // namespace millrace::api::codec

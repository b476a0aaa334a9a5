#include "common/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace millrace {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

std::string logged(const LogOptions& options, const std::function<void()>& body) {
    ::testing::internal::CaptureStderr();
    init_logging(options);
    body();
    return ::testing::internal::GetCapturedStderr();
}

std::string logged_json(const std::function<void()>& body) {
    return logged({.level = LogLevel::kDebug, .format = LogFormat::kJson, .program = "test"}, body);
}

TEST(LogJson, WritesOneObjectALineWithFieldsByType) {
    const auto line = logged_json([] {
        log_info("job claimed", {{"job", "job_1"}, {"epoch", 7}, {"share", 0.5}, {"late", true}});
    });
    EXPECT_THAT(line, MatchesRegex(R"(\{"time_ms":[0-9]+,"level":"info","program":"test",)"
                                   R"("message":"job claimed","job":"job_1","epoch":7,)"
                                   R"("share":0.5,"late":true\})"
                                   "\n"));
}

TEST(LogJson, EscapesWhatWouldBreakTheLine) {
    const auto line = logged_json([] { log_info("x", {{"text", "a\"b\\c\nd\te"}}); });
    EXPECT_THAT(line, HasSubstr(R"("text":"a\"b\\c\u000ad\u0009e"})"));
}

TEST(LogJson, KeepsTextThatIsNotAscii) {
    const auto line = logged_json([] { log_info("x", {{"text", "größer"}}); });
    EXPECT_THAT(line, HasSubstr(R"("text":"größer")"));
}

TEST(LogJson, IsJsonWhateverIsLogged) {
    const auto line = logged_json([] {
        log_info("x", {{"text", "a\xff\x9b \xc2\x9b[31m\x7f"}, {"number", std::nan("")}});
    });
    EXPECT_THAT(line, HasSubstr("\"text\":\"a\uFFFD\uFFFD \\u009b[31m\\u007f\",\"number\":null}"));
}

TEST(LogText, ObeysNoControlCharacters) {
    const auto line = logged({}, [] { log_info("x", {{"text", "a\x1b[2J"}, {"cr", "b\r"}}); });
    EXPECT_THAT(line, EndsWith("text=\"a\\u001b[2J\" cr=\"b\\u000d\"\n"));
}

TEST(LogText, QuotesOnlyValuesThatNeedIt) {
    const auto line = logged({.program = "test"}, [] {
        log_warning("slow", {{"plain", "a-b"}, {"spaced", "a b"}, {"empty", ""}});
    });
    EXPECT_THAT(line, EndsWith("test slow plain=a-b spaced=\"a b\" empty=\"\"\n"));
    EXPECT_THAT(line, HasSubstr("warning"));
}

TEST(LogText, KeepsALineBreakInsideTheLine) {
    const auto line = logged({}, [] { log_error("x", {{"what", "first\nsecond"}}); });
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

TEST(LogLevel, DropsLessImportantLines) {
    const auto lines = logged({.level = LogLevel::kWarning}, [] {
        log_debug("debug");
        log_info("info");
        log_warning("warning line");
    });
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1);
    EXPECT_THAT(lines, HasSubstr("warning line"));
}

}  // namespace
}  // namespace millrace

#include "common/json/mend.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "tests/support/seeded_random.h"

namespace millrace::json_text {
namespace {

using namespace std::string_literals;

std::string quoted_words(std::string_view text) {
    return mend(text, {.not_a_number = NotANumber::kQuote}).value();
}

std::string mend_fault(std::string_view text) {
    const auto mended = mend(text);
    return mended.has_value() ? "none" : mended.error().message;
}

TEST(JsonMend, LeavesValidJsonAlone) {
    for (const auto& text :
         {R"({"b":1,"a":1.50,"b":2})"s, R"( [1, 1e2 ,123456789012345678901234567890, -0.0])"s,
          R"("\u0000\ud83d\ude00 \u202e")"s, "\"\uFFFE 日本\""s, "null"s, "{}"s, "[]"s, "1e-999"s,
          "-0.001e310"s, "0.0e999"s, "0e99999999999999999999"s, "1e308"s, "\"\\\"\\\\[\""s}) {
        EXPECT_EQ(mend(text).value(), text);
    }
}

TEST(JsonMend, ReplacesInvalidText) {
    EXPECT_EQ(mend(R"(["\ud83d","\ude00","\ud83d\u0041","\ude00\ud83d"])").value(),
              R"(["\ufffd","\ufffd","\ufffd\u0041","\ufffd\ufffd"])");
    EXPECT_EQ(mend("{\"caf\xE9\":\"\xED\xA0\xBD|\xF0\x9F\"}").value(),
              "{\"caf\uFFFD\":\"\uFFFD\uFFFD\uFFFD|\uFFFD\"}");
    EXPECT_EQ(mend("\"a\0b\n\x1f\""s).value(), R"("a\u0000b\u000a\u001f")");
}

TEST(JsonMend, LeavesOutAByteOrderMark) {
    EXPECT_EQ(mend("\xEF\xBB\xBF[1]").value(), "[1]");
    EXPECT_EQ(mend("[\"\xEF\xBB\xBF\"]").value(), "[\"\xEF\xBB\xBF\"]");
    EXPECT_EQ(mend_fault("\xEF\xBB\xBF"), " is incomplete");
}

TEST(JsonMend, QuotesWordsThatJsonDoesNotHave) {
    EXPECT_EQ(quoted_words(R"([1.5,NaN,-Infinity,{"x":Infinity},"NaN"])"),
              R"([1.5,"NaN","-Infinity",{"x":"Infinity"},"NaN"])");
}

TEST(JsonMend, SaysWhatIsWrongAndWhere) {
    EXPECT_EQ(mend_fault(R"({"scores":[1,2,{"x":NaN}]})"),
              ".scores[2].x is NaN, which JSON cannot express");
    EXPECT_EQ(mend_fault("-Infinity"), " is -Infinity, which JSON cannot express");
    EXPECT_EQ(mend_fault(R"({"a":1e400})"), ".a is a number that is too large");
    for (const auto& number :
         {std::string(400, '9'), "-1e309"s, "0.001E+320"s, "1e99999999999999999999"s}) {
        EXPECT_EQ(mend_fault("[" + number + "]"), "[0] is a number that is too large");
    }
    for (const auto* text :
         {"nan", "+1", "01", ".5", "1.", "0x10", "1e", "-", "'a'", "undefined"}) {
        EXPECT_EQ(mend_fault(text), " is not a JSON value") << text;
    }
    EXPECT_EQ(mend_fault("[1,]"), "[1] is not a JSON value");
    EXPECT_EQ(mend_fault("[1 2]"), " has no comma between values");
    EXPECT_EQ(mend_fault(R"({"a" 1})"), " has a name without a colon");
    EXPECT_EQ(mend_fault("{a:1}"), " has a name that is not in double quotes");
    EXPECT_EQ(mend_fault(R"(["\x41"])"), "[0] has an unknown escape in a string");
    EXPECT_EQ(mend_fault("1 2"), " has more text after its end");
    for (const auto* text :
         {"", " ", "[", "[1", "[1,", "{", "{\"a", "{\"a\":", "\"a", "\"\\", "\"\\u12"}) {
        EXPECT_NE(mend_fault(text), "none") << text;
    }
    EXPECT_EQ(mend_fault(std::string(100'000, '[')), " is nested deeper than 500 levels");
    EXPECT_EQ(mend(std::string(500, '[') + std::string(500, ']')).value().size(), 1000U);
    EXPECT_NE(mend_fault(std::string(501, '[') + std::string(501, ']')), "none");
}

// A strict reader accepts the result, and reads the same values.
TEST(JsonMend, WhateverComesOutIsJson) {
    test::SeededRandom random(5);
    const std::vector<std::string> pieces{
        "{",     "}",       "[",       "]",  ",",   ":",   "\"",           "\"a\"",
        "\\u00", "\\ud800", "\\udc00", "\\", "NaN", "-",   "Infinity",     "1",
        "0",     "e9",      ".",       " ",  "\n",  "\0"s, "\xED\xA0\x80", "\xFF",
        "é",     "true",    "null"};
    int fine = 0;
    for (int i = 0; i < 60'000; ++i) {
        std::string text;
        for (auto n = random.below(10) + 1; n > 0; --n) text += pieces[random.below(pieces.size())];
        for (const auto word : {NotANumber::kRefuse, NotANumber::kQuote}) {
            const auto mended = mend(text, {.not_a_number = word});
            if (!mended.has_value()) {
                // That reader takes a NUL for the end of the text.
                ASSERT_TRUE(text.find('\0') != text.npos || !nlohmann::json::accept(text)) << text;
                continue;
            }
            ++fine;
            ASSERT_TRUE(is_storable(*mended)) << text;
            ASSERT_TRUE(nlohmann::json::accept(*mended)) << text << " -> " << *mended;
            ASSERT_TRUE(*mended != text || nlohmann::json::accept(text)) << text;
        }
    }
    EXPECT_GT(fine, 1000);
}

}  // namespace
}  // namespace millrace::json_text

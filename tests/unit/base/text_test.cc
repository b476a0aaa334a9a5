#include "common/base/text.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "tests/support/seeded_random.h"

namespace millrace {
namespace {

using namespace std::string_literals;

TEST(Text, IsStorableUnchanged) {
    for (const auto& text : {""s, "plain ASCII"s, "Grüße, 日本語, 😀"s, "\uFFFE \uFEFF \u202E"s,
                             "\x7f\t\n\x1b"s, "\xF4\x8F\xBF\xBF"s}) {
        EXPECT_TRUE(is_storable(text)) << text;
        EXPECT_EQ(storable(text), text);
    }
}

TEST(Text, InvalidOneBecomesReplacementCharacters) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"a\0b"s, "a\uFFFDb"},
        {"\0\0"s, "\uFFFD\uFFFD"},
        {"caf\xE9", "caf\uFFFD"},                          // Latin-1.
        {"\x80", "\uFFFD"},                                // A lone continuation.
        {"\xC0\xAF", "\uFFFD\uFFFD"},                      // Overlong "/".
        {"\xE0\x80\x80", "\uFFFD\uFFFD\uFFFD"},            // Overlong U+0000.
        {"\xC0\x80", "\uFFFD\uFFFD"},                      // Java's U+0000.
        {"\xED\xA0\xBD", "\uFFFD\uFFFD\uFFFD"},            // Half a pair, as in CESU-8.
        {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},  // Past U+10FFFF.
        {"\xF0\x9F\x98", "\uFFFD"},                        // Cut off.
        {"\xF0\x9F\x98 x", "\uFFFD x"},
        {"\xFF\xFE", "\uFFFD\uFFFD"},
    };
    for (const auto& [bytes, text] : cases) {
        EXPECT_FALSE(is_storable(bytes)) << text;
        EXPECT_EQ(storable(bytes), text);
        // The sequence's place makes no difference to it or to its neighbours.
        for (std::size_t before = 0; before < 20; ++before) {
            const std::string pad(before, 'x');
            EXPECT_FALSE(is_storable(pad + bytes + "|0123456789abcdef"));
            EXPECT_EQ(storable(pad + bytes + "|é"), pad + text + "|é");
        }
    }
}

TEST(Text, BeginsWithWholeCharacters) {
    EXPECT_EQ(beginning("aé", 3), "aé");
    EXPECT_EQ(beginning("aé", 2), "a");
    EXPECT_EQ(beginning("😀", 3), "");
    EXPECT_EQ(beginning("\x80\x80\x80", 2), "");
}

TEST(Text, AnyBytesBecomeStorable) {
    test::SeededRandom random(11);
    for (int i = 0; i < 20'000; ++i) {
        std::string bytes;
        for (auto n = random.below(24); n > 0; --n) {
            // Leading bytes, continuations and NUL come more often than by chance.
            constexpr std::uint8_t kOften[] = {0x00, 0x41, 0x80, 0xBF, 0xC3, 0xE2, 0xED, 0xF0};
            bytes += static_cast<char>(random.below(2) == 0 ? kOften[random.below(8)]
                                                            : random.below(256));
        }
        const auto text = storable(bytes);
        ASSERT_TRUE(is_storable(text));
        ASSERT_EQ(storable(text), text);
        ASSERT_EQ(text == bytes, is_storable(bytes));
    }
}

TEST(Lower, ChangesOnlyAsciiCapitals) {
    EXPECT_EQ(lower("Aa-Zz 09 \xc3\x84@["), "aa-zz 09 \xc3\x84@[");
    EXPECT_EQ(lower(""), "");
}

TEST(Trimmed, KeepsTheBlanksWithin) {
    EXPECT_EQ(trimmed(" \t\r\na b\n c \r\n"), "a b\n c");
    EXPECT_EQ(trimmed("a"), "a");
    EXPECT_EQ(trimmed(" \t\r\n"), "");
    EXPECT_EQ(trimmed(""), "");
}

TEST(WithoutByteOrderMark, DropsOneAtTheFront) {
    EXPECT_EQ(without_byte_order_mark("\xEF\xBB\xBF"
                                      "a"),
              "a");
    EXPECT_EQ(without_byte_order_mark("a\xEF\xBB\xBF"), "a\xEF\xBB\xBF");
    EXPECT_EQ(without_byte_order_mark("\xEF\xBB\xBF\xEF\xBB\xBF"), "\xEF\xBB\xBF");
    EXPECT_EQ(without_byte_order_mark("\xEF\xBB"), "\xEF\xBB");
    EXPECT_EQ(without_byte_order_mark(""), "");
}

TEST(WithoutBrackets, IsForAddressesInUrls) {
    EXPECT_EQ(without_brackets("[::1]"), "::1");
    for (const auto* other : {"::1", "[]", "[", "]", "[::1", "::1]", "", "host"}) {
        EXPECT_EQ(without_brackets(other), other);
    }
}

}  // namespace
}  // namespace millrace

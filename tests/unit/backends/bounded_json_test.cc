#include "worker/backends/bounded_json.h"

#include <gtest/gtest.h>

#include <string>

namespace millrace::backends {
namespace {

std::string lists(int depth) {
    const auto count = static_cast<std::size_t>(depth);
    return std::string(count, '[') + std::string(count, ']');
}

TEST(BoundedJson, IsDiscardedIfNestedTooDeeply) {
    EXPECT_TRUE(parse_bounded(lists(kAnswerDepthMax)).is_array());
    EXPECT_TRUE(parse_bounded(lists(kAnswerDepthMax + 1)).is_discarded());
    EXPECT_TRUE(parse_bounded(R"({"a":)" + lists(kAnswerDepthMax) + "}").is_discarded());
    EXPECT_TRUE(parse_bounded(std::string(1'000'000, '[')).is_discarded());
    EXPECT_TRUE(parse_bounded("[1").is_discarded());
}

// Returns an object with this many members, in an order that sorting would change.
std::string object_of(std::size_t members) {
    std::string text = "{";
    for (std::size_t i = 0; i < members; ++i) {
        text += (i == 0 ? "\"m" : ",\"m") + std::to_string(members - i) + "\":{}";
    }
    return text + "}";
}

TEST(BoundedJson, KeepsAnOrderAndDiscardsObjectsThatWouldTakeLong) {
    EXPECT_EQ(parse_ordered(R"({"b":1,"a":[{"d":2,"c":3}]})").dump(),
              R"({"b":1,"a":[{"d":2,"c":3}]})");
    EXPECT_EQ(parse_ordered(object_of(kOrderedMembersMax)).dump(), object_of(kOrderedMembersMax));
    const auto large = object_of(kOrderedMembersMax + 1);
    EXPECT_TRUE(parse_ordered(large).is_discarded());
    EXPECT_TRUE(parse_ordered(R"([{},{"a":)" + large + "}]").is_discarded());
    EXPECT_TRUE(parse_ordered(object_of(200'000)).is_discarded());
    // Each object counts for itself.
    EXPECT_EQ(parse_ordered("[" + object_of(900) + "," + object_of(900) + "]").size(), 2U);
    EXPECT_TRUE(parse_ordered(lists(kAnswerDepthMax)).is_array());
    EXPECT_TRUE(parse_ordered(lists(kAnswerDepthMax + 1)).is_discarded());
}

TEST(BoundedJson, IsNullIfItCannotBeMended) {
    using enum json_text::NotANumber;
    EXPECT_EQ(parse_mended("[NaN,\"\xff\"]", kQuote), nlohmann::json({"NaN", "\uFFFD"}));
    EXPECT_TRUE(parse_mended("[NaN]", kRefuse).is_null());
    EXPECT_TRUE(parse_mended(lists(kAnswerDepthMax), kRefuse).is_array());
    EXPECT_TRUE(parse_mended(lists(kAnswerDepthMax + 1), kRefuse).is_null());
}

TEST(BoundedJson, CountsOnlyBracketsOutsideOfStrings) {
    const auto text = R"(["\"[[{\\",")" + std::string(1000, '[') + R"(",{}])";
    EXPECT_FALSE(is_nested_deeper(text, 2));
    EXPECT_TRUE(is_nested_deeper(text, 1));
    EXPECT_FALSE(is_nested_deeper("[[]],[[]],{\"a\":[]}", 2));
    EXPECT_FALSE(is_nested_deeper("]]]\"\\", 0));
}

}  // namespace
}  // namespace millrace::backends

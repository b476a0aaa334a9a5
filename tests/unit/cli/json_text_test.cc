// JSON passes through the command line unchanged.
#include "producer/cli/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

using testing::ElementsAre;

TEST(JsonText, CutsAnObjectAtItsOwnCommasOnly) {
    const auto members =
        json_members(R"( { "a" : [1,{"x":"},{"}] , "b\"c":"q\\", "" : {} , "n":1.10e+5 } )");
    ASSERT_EQ(members.size(), 4U);
    EXPECT_EQ(members[0].name, "a");
    EXPECT_EQ(members[0].value, R"([1,{"x":"},{"}])");
    EXPECT_EQ(members[1].name, "b\"c");
    EXPECT_EQ(members[1].value, R"("q\\")");
    EXPECT_EQ(members[2].name, "");
    EXPECT_EQ(members[2].value, "{}");
    EXPECT_EQ(members[3].value, "1.10e+5");
    EXPECT_TRUE(json_members("{ }").empty());
}

TEST(JsonText, CutsAnArray) {
    EXPECT_THAT(json_elements(R"([ 1, "a,b", [2,3] , {"c":[4,5]} ])"),
                ElementsAre("1", R"("a,b")", "[2,3]", R"({"c":[4,5]})"));
    EXPECT_TRUE(json_elements(" [ ] ").empty());
}

TEST(JsonText, FindsAMember) {
    EXPECT_EQ(json_member(R"({"a":{"b":1},"b":12345678901234567890123})", "b"),
              "12345678901234567890123");
    EXPECT_EQ(json_member(R"({"a":1})", "b"), "null");
    EXPECT_EQ(json_member("[1]", "b"), "null");
}

TEST(JsonText, MergesDefaultsBelowWhatIsThere) {
    EXPECT_EQ(json_merged(R"({"z":1,"policy":{"ttl":"1h"},"a":1.0})",
                          R"({"policy":{"max_attempts":2,"ttl":"9h"},"queue":"q","z":{"y":1}})"),
              R"({"z":1,"policy":{"ttl":"1h","max_attempts":2},"a":1.0,"queue":"q"})");
    EXPECT_EQ(json_merged("{}", "{}"), "{}");
    EXPECT_EQ(json_merged(R"({"queue":null})", R"({"queue":"q"})"), R"({"queue":null})");
}

TEST(JsonText, AddsAMember) {
    EXPECT_EQ(json_with("{}", "a\"b", "1"), R"({"a\"b":1})");
    EXPECT_EQ(json_with(R"( {"b":2})", "a", "1"), R"({"a":1,"b":2})");
}

TEST(JsonText, LeavesNoLineBreak) {
    EXPECT_EQ(one_line("{\n\"a\":\r\n\"b\\nc\"}\n"), "{ \"a\":  \"b\\nc\"}");
}

TEST(JsonText, KnowsWhatIsJson) {
    EXPECT_TRUE(is_json(R"({"a":"ü"})"));
    EXPECT_FALSE(is_json("{\"a\":\"\xff\"}"));
    EXPECT_FALSE(is_json("{\"a\":1} {}"));
    EXPECT_FALSE(is_json("NaN"));
    EXPECT_FALSE(is_json(""));
}

}  // namespace
}  // namespace millrace::cli

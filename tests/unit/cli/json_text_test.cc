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

TEST(JsonText, MergedDefaultsReplaceNoMember) {
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
    const auto fault = [](std::string_view text) { return object_fault(text, text); };
    EXPECT_EQ(fault(R"({"a":"ü"})"), "");
    EXPECT_EQ(fault("{\"a\":\"\xff\"}"), "line 1, column 7: invalid UTF-8");
    EXPECT_EQ(fault("{\"a\":1} {}"),
              "line 1, column 9: expected the end: there is more after the value");
    EXPECT_EQ(fault("NaN"), "line 1, column 1: expected a value");
    EXPECT_EQ(fault(""), "line 1, column 1: expected a value, found the end");
    EXPECT_EQ(fault("[1]"), "line 1, column 1: expected a JSON object");
    EXPECT_EQ(fault(R"({"a":1e400})"), "line 1, column 6: a number too large for a double");
    EXPECT_EQ(fault("{\n\"a\":\"\\u0000\"}"),
              "line 2, column 6: the character U+0000 cannot be stored; leave it out");
}

}  // namespace
}  // namespace millrace::cli

#include "worker/backends/process/members.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/seeded_random.h"

namespace millrace::backends::process {
namespace {

using namespace std::string_literals;

TEST(Members, AreFoundByQuotesAndBracketsAlone) {
    const auto found =
        members(R"( {"type" : "done" ,"item":7, "output":{"item":"}]","x":[1,{}]},"n\u0061me":1})");
    ASSERT_EQ(found.size(), 4U);
    EXPECT_EQ(find(found, "type"), R"("done")");
    EXPECT_EQ(find(found, "item"), "7");
    EXPECT_EQ(find(found, "output"), R"({"item":"}]","x":[1,{}]})");
    EXPECT_EQ(find(found, "name"), "1");
    EXPECT_EQ(find(found, "absent"), "");
    EXPECT_EQ(find(members(R"({"a":1,"a":2})"), "a"), "2");
    EXPECT_EQ(find(members(R"({"a":NaN,"b":nope})"), "b"), "nope");
    EXPECT_EQ(find(members(R"({"a":"no end)"), "a"), "\"no end");
    for (const auto* text : {"", "[]", "7", "\"a\"", "{", "{}", "{a", "{\"a\""}) {
        EXPECT_TRUE(members(text).empty()) << text;
    }
}

// Each value lies within the text, whatever the text is.
TEST(Members, OfAnyTextLieWithinIt) {
    test::SeededRandom random(5);
    const std::vector<std::string> pieces{"{",     "}",  "[", "]", ",",   ":",    "\"",     "\"a\"",
                                          "\\u00", "\\", "1", " ", "\0"s, "\xFF", "\\u0061"};
    std::size_t found = 0;
    for (int i = 0; i < 60'000; ++i) {
        std::string text = R"({"a":)";
        for (auto n = random.below(10) + 1; n > 0; --n) text += pieces[random.below(pieces.size())];
        for (const auto& member : members(text)) {
            ++found;
            if (member.value.empty()) continue;
            ASSERT_GE(member.value.data(), text.data());
            ASSERT_LE(member.value.data() + member.value.size(), text.data() + text.size());
        }
    }
    EXPECT_GT(found, 1000U);
}

}  // namespace
}  // namespace millrace::backends::process

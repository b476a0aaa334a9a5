#include "common/json/object_edit.h"

#include <gtest/gtest.h>

namespace millrace::json_text {
namespace {

TEST(ObjectEdit, ChangesItsMembersAndLeavesTheRestAsItIs) {
    ObjectEdit edit(R"( {"a" : 1e2,"b":[ ] , "c":"x","a":0.10} )");
    edit.set("a", "true");
    edit.erase("b");
    edit.rename("c", "d");
    edit.set("e", "[]");
    EXPECT_EQ(edit.text(), R"( { "d":"x","a":true,"e":[]} )");
}

// Reading each of them once is quick; comparing each with all others would take minutes.
TEST(ObjectEdit, RemovesMembersThatAReaderWithoutCaseWouldTakeForAnEditedOne) {
    ObjectEdit edit(
        R"({"MODEL":"a","model":"b","Model":"c","\u017ftream":1,"Stream":2,"models":3,"n":4})");
    edit.set("model", R"("m")");
    edit.erase("stream");
    EXPECT_EQ(edit.text(), R"({"model":"m","models":3,"n":4})");
}

TEST(ObjectEdit, ReadsManyMembersOfAnEditedNameOnce) {
    constexpr int kMany = 300'000;
    std::string text = R"({"stream":0)";
    for (int i = 0; i < kMany; ++i) text += R"(,"stream":1)";
    for (int i = 0; i < kMany; ++i) text += R"(,"x":1)";
    ObjectEdit edit(text += '}');
    edit.set("stream", "false");
    EXPECT_TRUE(edit.text().starts_with(R"({"stream":false,"x":1)"));
}

}  // namespace
}  // namespace millrace::json_text

#include "worker/backends/llama/gbnf.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace millrace::backends::llama {
namespace {

std::string message(std::string_view grammar) {
    const auto status = check_gbnf(grammar);
    return status.has_value() ? "" : status.error().message;
}

TEST(Gbnf, TakesGrammars) {
    const std::vector<std::string> grammars{
        R"(root ::= "yes" | "no")",
        "# a comment\nroot ::= a-1 # another\n\na-1 ::= [a-z]+ ([^\"\\]\\n] | .)*\n",
        "root ::= (\n  \"a\" |\n  \"b\"\n) \"\\x41\\u0041\\U00000041\\\"\\\\\"\r\n",
        R"(root ::= "a"{2} "b"{2,} "c"{0,5} ["\-]? ( "d" )?)",
        "root ::= | \"empty is one\"",
    };
    for (const auto& grammar : grammars) EXPECT_EQ(message(grammar), "") << grammar;
}

TEST(Gbnf, SaysWhatIsWrongAndWhere) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "no rule 'root'"},
        {"main ::= \"a\"", "no rule 'root'"},
        {"root ::= other", "no rule 'other'"},
        {"root = \"a\"", "'::='"},
        {"root ::= \"a", "'\"'"},
        {"root ::= [a", "']'"},
        {"root ::= []", "a character"},
        {"root ::= (\"a\"", "')'"},
        {"root ::= \"a\")", "end of the line"},
        {"root ::= * \"a\"", "something to repeat"},
        {"root ::= \"a\"{x}", "a number"},
        {"root ::= \"a\"{1", "'}'"},
        {"root ::= \"a\"{5,2}", "repetition"},
        {"root ::= \"a\"{9999999999}", "repetition"},
        {"root ::= \"\\q\"", "escape"},
        {"root ::= \"\\u00g0\"", "hexadecimal"},
        {"root ::= \"a\"\n\nnext ::= \"b\n", "line 3"},
        {std::string("root ::= \"a\0\"", 13), "zero byte"},
    };
    for (const auto& [grammar, expected] : cases) {
        EXPECT_NE(message(grammar).find(expected), std::string::npos)
            << grammar << ": " << message(grammar);
    }
}

TEST(Gbnf, BoundsWhatTheLibraryWouldExpand) {
    EXPECT_NE(message("root ::= " + std::string(1000, '(') + "\"a\"" + std::string(1000, ')')), "");
    EXPECT_NE(message("root ::= \"" + std::string(10'000, 'a') + "\"{2000}"), "");
    EXPECT_NE(message("root ::= \"" + std::string(kGrammarBytesMax, 'a') + "\""), "");
}

}  // namespace
}  // namespace millrace::backends::llama

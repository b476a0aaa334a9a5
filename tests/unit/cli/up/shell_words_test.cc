#include "producer/cli/up/shell_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace millrace::cli::up {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string problem(const std::string& text) {
    const auto words = shell_words(text);
    return words.has_value() ? "" : words.error().message;
}

TEST(ShellWords, AreThoseThatAShellWouldMake) {
    EXPECT_THAT(*shell_words("python3 model.py"), ElementsAre("python3", "model.py"));
    EXPECT_THAT(*shell_words("  python3\t'my models/x.py'  "),
                ElementsAre("python3", "my models/x.py"));
    EXPECT_THAT(*shell_words(R"(python3 "it's a \"file\".py" a\ b)"),
                ElementsAre("python3", "it's a \"file\".py", "a b"));
    EXPECT_THAT(*shell_words(R"(python3 -c 'print({"a": 1, "b": [2]})' x=1,2)"),
                ElementsAre("python3", "-c", R"(print({"a": 1, "b": [2]}))", "x=1,2"));
    EXPECT_THAT(*shell_words("a'b'\"c\""), ElementsAre("abc"));
}

TEST(ShellWords, ExpandTheHomeDirectoryAndVariables) {
    ::setenv("HOME", "/home/me", 1);
    ::setenv("WORDS_TEST_DIR", "my models", 1);
    EXPECT_THAT(*shell_words("~/venv/bin/python \"$WORDS_TEST_DIR/x.py\" '$HOME'"),
                ElementsAre("/home/me/venv/bin/python", "my models/x.py", "$HOME"));
    ::unsetenv("WORDS_TEST_DIR");
    EXPECT_THAT(problem("python3 $WORDS_TEST_DIR/x.py"), HasSubstr("a variable that is not set"));
}

TEST(ShellWords, RefuseUnbalancedQuotes) {
    for (const auto* text : {"python3 'x.py", "python3 \"x.py", "it's"}) {
        EXPECT_THAT(problem(text), HasSubstr("quotes are not balanced")) << text;
    }
}

TEST(ShellWords, RefuseWhatOnlyAShellCanDo) {
    for (const auto* text : {"a | b", "a > log", "a && b", "a; b", "a &", "a\nb"}) {
        EXPECT_THAT(problem(text), HasSubstr("to use a shell, write sh -c")) << text;
    }
    EXPECT_THAT(problem("python3 $(which x.py)"), HasSubstr("are not run"));
    EXPECT_THAT(problem("python3 `which x.py`"), HasSubstr("are not run"));
}

TEST(ShellQuoted, RoundTrips) {
    EXPECT_EQ(shell_quoted("model.py"), "model.py");
    EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
    EXPECT_EQ(shell_quoted(""), "''");
    for (const std::string word : {"a b", "$HOME", "a;b", "\"x\"", "~", "*"}) {
        EXPECT_THAT(*shell_words(shell_quoted(word)), ElementsAre(word));
    }
}

TEST(ShellWords, RefuseNothingAndEmptyWords) {
    EXPECT_THAT(problem(""), HasSubstr("has no program"));
    EXPECT_THAT(problem("  "), HasSubstr("has no program"));
    EXPECT_THAT(problem("python3 ''"), HasSubstr("is empty"));
}

}  // namespace
}  // namespace millrace::cli::up

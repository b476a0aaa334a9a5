#include "worker/backends/serving/server_text.h"

#include <gtest/gtest.h>

namespace millrace::backends::serving {
namespace {

TEST(OneLine, IsShortAndWhole) {
    EXPECT_EQ(one_line("a\r\nb\n"), "a  b ");
    EXPECT_EQ(one_line("\xc3\xa9\xff"), "\xc3\xa9\xef\xbf\xbd");
    EXPECT_EQ(one_line(std::string(499, 'x') + "\xc3\xa9"), std::string(499, 'x'));
}

TEST(TitleOrAll, IsThePartOfAPageThatSaysSomething) {
    EXPECT_EQ(title_or_all("<html><TITLE>Back\nsoon</TITLE><body>x</body>"), "Back soon");
    EXPECT_EQ(title_or_all("</title><title>"), "</title><title>");
    EXPECT_EQ(title_or_all("no page"), "no page");
}

TEST(PlaceOf, HasNoSecrets) {
    EXPECT_EQ(place_of("https://me:secret@a.example:8443/login?token=secret#secret"),
              "https://a.example:8443/login");
    EXPECT_EQ(place_of("http://[::1]:8000/v1/models"), "http://[::1]:8000/v1/models");
    EXPECT_EQ(place_of("app://a/b?c"), "app://a/b");
    EXPECT_EQ(place_of("no url"), "");
    EXPECT_LE(place_of("http://a.example/" + std::string(5000, 'x')).size(), 500U);
}

TEST(Redact, ReplacesEveryOccurrence) {
    std::string text = "key sk-1 is wrong: sk-1";
    redact(text, "sk-1");
    EXPECT_EQ(text, "key *** is wrong: ***");
    redact(text, "");
    EXPECT_EQ(text, "key *** is wrong: ***");
}

TEST(Redact, LeavesNoBeginningOfASecretThatWasCutOff) {
    auto text = one_line(std::string(490, 'x') + "sk-1234567890");
    redact(text, "sk-1234567890");
    EXPECT_EQ(text, std::string(490, 'x') + "***");
    std::string word = "a task";
    redact(word, "sk-1234567890");
    EXPECT_EQ(word, "a task");
}

}  // namespace
}  // namespace millrace::backends::serving

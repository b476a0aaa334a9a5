#include "worker/backends/text_stream.h"

#include <gtest/gtest.h>

namespace millrace::backends {
namespace {

// Returns everything that comes out when `text` goes in, cut at `cut`.
std::string through(std::string_view text, std::size_t cut, std::vector<std::string> stops = {}) {
    TextStream stream(std::move(stops));
    std::string all = stream.append(text.substr(0, cut));
    if (!stream.stopped()) all += stream.append(text.substr(cut));
    return all + stream.finish();
}

TEST(TextStream, HoldsBackCharactersThatAreNotWhole) {
    TextStream stream({});
    EXPECT_EQ(stream.append("a\xC3"), "a");
    EXPECT_EQ(stream.append("\xA9 \xE2\x82"), "\xC3\xA9 ");
    EXPECT_EQ(stream.append("\xAC"), "\xE2\x82\xAC");
    EXPECT_EQ(stream.finish(), "");
}

TEST(TextStream, ReplacesInvalidUtf8) {
    // A lone continuation byte, an overlong form, a surrogate, and a byte of no character.
    TextStream stream({});
    EXPECT_EQ(stream.append("\x80|\xC0\xAF|\xED\xA0\x80|\xFF|"),
              "\uFFFD|\uFFFD\uFFFD|\uFFFD\uFFFD\uFFFD|\uFFFD|");
    EXPECT_EQ(stream.append("\xF0\x9F"), "");
    EXPECT_EQ(stream.finish(), "\uFFFD");
}

TEST(TextStream, GivesTheSameTextHoweverItIsCut) {
    const std::string text = "grüße aus der Mühle 🌾 und \xFF weiter";
    const auto whole = through(text, 0);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) EXPECT_EQ(through(text, cut), whole);
}

TEST(TextStream, EndsAtAStopStringHoweverItIsCut) {
    const std::string text = "one two STOP three";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        EXPECT_EQ(through(text, cut, {"STOP"}), "one two ") << cut;
    }
}

TEST(TextStream, ReleasesWhatOnlyLookedLikeAStopString) {
    TextStream stream({"STOP"});
    EXPECT_EQ(stream.append("a ST"), "a ");
    EXPECT_EQ(stream.append("ST"), "ST");
    EXPECT_EQ(stream.append("AY"), "STAY");
    EXPECT_FALSE(stream.stopped());
    EXPECT_EQ(stream.append(" STO"), " ");
    EXPECT_EQ(stream.finish(), "STO");
}

TEST(TextStream, TakesTheEarliestOfSeveralStopStrings) {
    TextStream stream({"yz", "xyzw"});
    EXPECT_EQ(stream.append("axyzwb"), "a");
    EXPECT_TRUE(stream.stopped());
    EXPECT_EQ(stream.finish(), "");
}

}  // namespace
}  // namespace millrace::backends

// Checking, viewing and writing JSON. Random texts are also judged by nlohmann's parser: it must
// accept whatever we accept, and see the same in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

#include "common/json/json_syntax.h"
#include "common/json/json_view.h"
#include "common/json/json_writer.h"
#include "common/json/scan.h"
#include "tests/support/seeded_random.h"

namespace millrace::json_text {
namespace {

using Json = nlohmann::json;

bool is_ok(std::string_view text, int depth_max = 64) {
    return !check_json(text, depth_max);
}

std::string fault(std::string_view text) {
    const auto found = check_json(text, 3);
    return found ? found->what + " at " + std::to_string(found->offset) : "none";
}

TEST(PlainLength, StopsAtTheFirstCharacterThatDoesNotStandForItself) {
    EXPECT_EQ(plain_length(""), 0U);
    EXPECT_EQ(plain_length("seven.."), 7U);
    EXPECT_EQ(plain_length("sixteen bytes ~\x7F"), 16U);
    for (const char special : {'"', '\\', '\n', '\0', '\x1F', '\x80', '\xFF'}) {
        for (std::size_t at = 0; at < 20; ++at) {
            std::string text(20, ' ');
            text[at] = special;
            EXPECT_EQ(plain_length(text), at) << static_cast<int>(special);
        }
    }
}

TEST(JsonSyntax, AcceptsWhatIsJson) {
    for (const auto* text :
         {"null", " true ", "false", "0", "-0", "-1.5e+10", "[]", "{}", "[1,2]",
          R"({"a":{"b":[{}]}})", R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")", "\"\xF0\x9F\x98\x80\"",
          "\t\r\n[ 1 , 2 ]\n", "1e-999", "0.00000000000000000000000000000000000001",
          "123456789012345678901234567890"}) {
        EXPECT_TRUE(is_ok(text)) << text << ": " << fault(text);
    }
}

TEST(JsonSyntax, SaysWhatIsWrongAndWhere) {
    EXPECT_EQ(fault(""), "expected a value, found the end at 0");
    EXPECT_EQ(fault("{} x"), "expected the end: there is more after the value at 3");
    EXPECT_EQ(fault("{'a':1}"), "expected a name in double quotes at 1");
    EXPECT_EQ(fault(R"({"a" 1})"), "expected a colon after the name at 5");
    EXPECT_EQ(fault(R"({"a":1 "b":2})"), "expected a comma or a closing brace at 7");
    EXPECT_EQ(fault("[1 2]"), "expected a comma or a closing bracket at 3");
    EXPECT_EQ(fault("[1,]"), "expected a value at 3");
    EXPECT_EQ(fault("[01]"), "a number must not begin with 0 at 2");
    EXPECT_EQ(fault("[1.]"), "expected a digit after the point at 3");
    EXPECT_EQ(fault("1e"), "expected a digit in the exponent at 2");
    EXPECT_EQ(fault("+1"), "expected a value at 0");
    EXPECT_EQ(fault("nul"), "expected a value at 0");
    EXPECT_EQ(fault("NaN"), "expected a value at 0");
    EXPECT_EQ(fault("1e999"), "a number too large for a double at 0");
    EXPECT_EQ(fault("[[[[]]]]"), "nested deeper than 3 levels at 3");
    EXPECT_EQ(fault("\"a"), "expected the end of a string at 2");
    EXPECT_EQ(fault("\"a\nb\""), "a control character in a string must be escaped at 2");
    EXPECT_EQ(fault(R"("\x")"), "unknown escape in a string at 1");
    EXPECT_EQ(fault(R"("\u00g0")"), "expected four hexadecimal digits after \\u at 1");
    EXPECT_EQ(fault(R"("\u0000")"), "the character U+0000 cannot be stored; leave it out at 1");
    EXPECT_EQ(fault(std::string("\"\0\"", 3)),
              "a control character in a string must be escaped at 1");
    EXPECT_EQ(fault(R"("\ud83d")"), "a high surrogate without a low one at 1");
    EXPECT_EQ(fault(R"("\ud83dA")"), "a high surrogate without a low one at 1");
    EXPECT_EQ(fault(R"("\ude00")"), "a low surrogate without a high one at 1");
}

// They are judged as a worker's outputs are (common/json/number.h): by the value, however many
// zeros they have.
TEST(JsonSyntax, TakesNumbersThatFitADouble) {
    const std::string zeros(400, '0');
    for (const auto& fits : {"0." + zeros + "1e+5", "1" + zeros + "e-100", std::string("0e999")}) {
        EXPECT_TRUE(is_ok(fits)) << fits;
    }
    for (const auto& large : {"1" + zeros + "e-5", "1" + zeros, std::string("-1e309")}) {
        EXPECT_EQ(fault(large), "a number too large for a double at 0");
    }
}

TEST(JsonSyntax, RefusesInvalidUtf8) {
    for (const auto* bytes :
         {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC3", "\xE2\x82", "\xF0\x9F\x98"}) {
        EXPECT_EQ(fault(std::string("\"") + bytes + "\""), "invalid UTF-8 at 1");
    }
}

TEST(JsonSyntax, BoundsItsRecursionWhateverTheLength) {
    const std::string deep(1'000'000, '[');
    const auto found = check_json(deep, 64);
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->too_deep);
    EXPECT_EQ(found->offset, 64U);
}

TEST(JsonSyntax, NamesPositionsForPeople) {
    EXPECT_EQ(position_text("{\n  x", 4), "line 2, column 3");
    EXPECT_EQ(position_text("", 0), "line 1, column 1");
    EXPECT_EQ(utf8_length("a\xC3\xA9\xF0\x9F\x98\x80"), 3U);
}

TEST(JsonView, DecodesStringsAndKeepsTheRestUnchanged) {
    const std::string text =
        " {\"a\\u00e9\\ud83d\\ude00\\n\": [ 1.50 , {\"x\":\"]}\"} ], \"b\":-7}";
    ASSERT_TRUE(is_ok(text));
    const auto members = JsonView(text).members();
    ASSERT_EQ(members.size(), 2U);
    EXPECT_EQ(members[0].name, "a\xC3\xA9\xF0\x9F\x98\x80\n");
    EXPECT_EQ(members[0].value.text(), "[ 1.50 , {\"x\":\"]}\"} ]");
    const auto items = members[0].value.items();
    ASSERT_EQ(items.size(), 2U);
    EXPECT_EQ(items[0].integer(), std::nullopt);
    EXPECT_EQ(items[1].kind(), JsonKind::kObject);
    EXPECT_EQ(members[1].value.integer(), -7);
    EXPECT_EQ(JsonView("9223372036854775808").integer(), std::nullopt);
}

TEST(JsonView, FindsTheLastMemberOfANameAndTheFirstItem) {
    const auto members = JsonView(R"({"a":[ [1] ,2],"b":[ ],"a":["\"]\"",3]})").members();
    ASSERT_NE(find(members, "a"), nullptr);
    EXPECT_EQ(find(members, "a"), &members.back().value);
    EXPECT_EQ(find(members, "c"), nullptr);
    EXPECT_EQ(members[0].value.first_item()->text(), "[1]");
    EXPECT_FALSE(members[1].value.first_item());
    EXPECT_EQ(members[2].value.first_item()->string(), "\"]\"");
}

// Rebuilds the same value through JsonView.
Json rebuilt(const JsonView& view) {
    switch (view.kind()) {
        case JsonKind::kObject: {
            Json object = Json::object();
            for (const auto& member : view.members()) object[member.name] = rebuilt(member.value);
            return object;
        }
        case JsonKind::kArray: {
            Json array = Json::array();
            for (const auto& item : view.items()) array.push_back(rebuilt(item));
            return array;
        }
        case JsonKind::kString:
            return view.string();
        default:
            return Json::parse(view.text());
    }
}

// A batch of two jobs, the first with a large input.
const std::string kBatch = R"({"jobs":[{"input":{"list":[)" + std::string(300, ' ') +
                           R"("}]"]},"model":"m"} , {"input":{}}], "x" : 1})";

// Returns the end of the array or object that begins with `begin`, as the outline has it.
std::string_view outlined(const JsonOutline& outline, std::string_view begin) {
    const auto* from = kBatch.data() + kBatch.find(begin);
    const auto* to = outline.end_of(from);
    return to == nullptr ? "" : std::string_view(from, to);
}

TEST(JsonOutline, HasTheEndsOfWhatIsLargeAndNotDeep) {
    JsonOutline outline;
    ASSERT_FALSE(check_json(kBatch, 64, &outline));
    EXPECT_EQ(outlined(outline, R"({"jobs")"), kBatch);
    EXPECT_THAT(outlined(outline, R"([{"input")"), testing::EndsWith(R"({"input":{}}])"));
    EXPECT_THAT(outlined(outline, R"({"input":{"list")"), testing::EndsWith(R"("model":"m"})"));
    EXPECT_THAT(outlined(outline, R"({"list")"), testing::EndsWith(R"("}]"]})"));
    EXPECT_EQ(outlined(outline, R"([   )"), "") << "it lies deep";
    EXPECT_EQ(outlined(outline, R"({"input":{}})"), "") << "it is small";
    EXPECT_EQ(outlined(outline, R"("model")"), "") << "it is a string";
    EXPECT_EQ(rebuilt(JsonView(kBatch, &outline)), Json::parse(kBatch));
}

TEST(JsonWriter, EscapesSoThatAnyParserReadsItBack) {
    JsonWriter json;
    json.begin_object();
    json.member("q\"", "a\\\n\x01\xC3\xA9");
    json.member("bad", "x\xFFy");
    json.member("n", 1.5);
    json.member("i", -3);
    json.member("t", true);
    json.null_member("z");
    json.raw_member("r", "[1]");
    json.end_object();
    const auto read = Json::parse(json.text());
    EXPECT_EQ(read["q\""], "a\\\n\x01\xC3\xA9");
    EXPECT_EQ(read["bad"], "x\xEF\xBF\xBDy");
    EXPECT_EQ(read["n"], 1.5);
    EXPECT_EQ(read["i"], -3);
    EXPECT_EQ(read["t"], true);
    EXPECT_TRUE(read["z"].is_null());
    EXPECT_EQ(read["r"], Json({1}));
}

// Returns a text close to JSON: pieces of it in random order, sometimes with a random byte.
std::string random_text(test::SeededRandom& random) {
    static constexpr std::array<std::string_view, 34> kPieces{"{",
                                                              "}",
                                                              "[",
                                                              "]",
                                                              ",",
                                                              ":",
                                                              "\"a\"",
                                                              "\"b\\n\"",
                                                              "1",
                                                              "-2.5",
                                                              "1e5",
                                                              "true",
                                                              "false",
                                                              "null",
                                                              " ",
                                                              "\n",
                                                              "\"",
                                                              "\\u00e9",
                                                              "\\",
                                                              "\\ud8",
                                                              "{\"a\":",
                                                              "{\"b\":",
                                                              "[1,",
                                                              "\"x\"",
                                                              "\xC3\xA9",
                                                              "\xC3",
                                                              "0",
                                                              "-",
                                                              ".5",
                                                              "e9",
                                                              "\\ud83d\\ude00",
                                                              "\"\\u0041\"",
                                                              "{}",
                                                              "[]"};
    std::string text;
    const auto count = 1 + random.below(12);
    for (std::uint64_t i = 0; i < count; ++i) {
        text += kPieces.at(random.below(kPieces.size()));
        if (random.below(40) == 0) text += static_cast<char>(random.next());
    }
    return text;
}

TEST(JsonFuzz, AcceptsNothingThatAnotherParserRefusesAndSeesTheSame) {
    test::SeededRandom random(20251121);
    int accepted = 0;
    for (int i = 0; i < 50'000; ++i) {
        const auto text = random_text(random);
        const auto theirs = Json::parse(text, nullptr, false);
        JsonOutline outline;
        if (check_json(text, 64, &outline)) continue;
        ++accepted;
        ASSERT_FALSE(theirs.is_discarded()) << text;
        ASSERT_EQ(rebuilt(JsonView(text)), theirs) << text;
        ASSERT_EQ(rebuilt(JsonView(text, &outline)), theirs) << text;
        const bool is_list = theirs.is_array();
        if (!is_list && !theirs.is_object()) continue;
        const JsonView view(text);
        const auto members = is_list ? std::vector<JsonMember>() : view.members();
        ASSERT_EQ(view.size(), is_list ? view.items().size() : members.size()) << text;
        if (members.size() < 2) continue;
        ASSERT_EQ(view.members(1).size(), 1U) << text;
    }
    EXPECT_GT(accepted, 500);
}

TEST(JsonFuzz, ChangedDocumentsAreJudgedAlike) {
    const std::string document =
        R"({"model":"m","input":{"messages":[{"role":"user","content":"h\u00e9 \ud83d\ude00"}],)"
        R"("temperature":0.75,"n":[1,2,3e2,-4],"stop":null,"stream":false}})";
    test::SeededRandom random(7);
    for (int i = 0; i < 30'000; ++i) {
        auto text = document;
        const auto changes = 1 + random.below(3);
        for (std::uint64_t c = 0; c < changes; ++c) {
            const auto at = random.below(text.size());
            if (random.below(2) == 0)
                text.erase(at, 1 + random.below(4));
            else
                text[at] = static_cast<char>(random.below(128));
        }
        const auto theirs = Json::parse(text, nullptr, false);
        const auto ours = check_json(text, 64);
        // We may refuse more (U+0000, a number that overflows), never less.
        if (!ours) {
            ASSERT_FALSE(theirs.is_discarded()) << text;
            ASSERT_EQ(rebuilt(JsonView(text)), theirs) << text;
        } else if (!theirs.is_discarded()) {
            ASSERT_NE(ours->what.find("U+0000"), std::string::npos) << text << ": " << ours->what;
        }
    }
}

}  // namespace
}  // namespace millrace::json_text

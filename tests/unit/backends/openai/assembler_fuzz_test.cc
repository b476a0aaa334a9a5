// Streams by seed: however their bytes are cut, the answer is the same; and wherever they break
// off, it is complete or there is none.
#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

#include "common/http/sse_parser.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/backends/openai/assembled.h"

namespace millrace::backends::openai {
namespace {

using nlohmann::json;

constexpr std::uint64_t kSeeds = 2000;

class Dice {
 public:
    explicit Dice(std::uint64_t seed) : random_(seed) {}

    std::size_t below(std::size_t bound) { return random_.next() % bound; }
    bool coin() { return below(2) == 0; }

 private:
    test::SeededRandom random_;
};

struct Stream {
    std::string bytes;
    std::string text;        // The whole answer.
    std::size_t spoken = 0;  // Bytes up to the end of the text and a finish reason.
    json tool_calls;         // Null if there are none.
};

std::string random_text(Dice& dice) {
    constexpr std::array<const char*, 8> kWords{"mill ", "\n",    "é",  "€uro ",
                                                "😀",     "\"q\"", "\\", "data: [DONE]\n\n"};
    std::string text;
    for (auto words = dice.below(12); words > 0; --words) text += kWords.at(dice.below(8));
    return text;
}

// How one server writes; fixed for a stream.
struct Manner {
    std::string end_of_line;
    bool ascii = false;  // "é" is \u00e9, and half of an emoji may be a chunk of its own.
    bool blank_reasons = false;
    bool has_comments = false;
    bool counts_always = false;
    bool sends_done = false;
};

void add_event(Stream& stream, const Manner& manner, Dice& dice, const json& chunk) {
    if (manner.has_comments && dice.coin()) {
        stream.bytes += ": ping" + manner.end_of_line + manner.end_of_line;
    }
    stream.bytes += (dice.coin() ? "data: " : "data:") +
                    chunk.dump(-1, ' ', manner.ascii, json::error_handler_t::strict) +
                    manner.end_of_line + manner.end_of_line;
}

json chunk_of(const Manner& manner, const json& delta, int tokens) {
    json chunk{{"id", "c"},
               {"choices", {{{"index", 0}, {"delta", delta}, {"finish_reason", nullptr}}}}};
    if (manner.blank_reasons) chunk["choices"][0]["finish_reason"] = "";
    if (manner.counts_always)
        chunk["usage"] = {{"prompt_tokens", 3}, {"completion_tokens", tokens}};
    return chunk;
}

Stream random_stream(Dice& dice) {
    constexpr std::array<const char*, 3> kEnds{"\n", "\r\n", "\r"};
    const Manner manner{.end_of_line = kEnds.at(dice.below(3)),
                        .ascii = dice.coin(),
                        .blank_reasons = dice.coin(),
                        .has_comments = dice.coin(),
                        .counts_always = dice.coin(),
                        .sends_done = dice.coin()};
    Stream stream;
    if (dice.coin()) stream.bytes = "\xEF\xBB\xBF";
    add_event(stream, manner, dice, chunk_of(manner, {{"role", "assistant"}, {"content", ""}}, 0));
    for (int i = 1, pieces = static_cast<int>(dice.below(8)); i <= pieces; ++i) {
        const auto text = random_text(dice);
        stream.text += text;
        add_event(stream, manner, dice, chunk_of(manner, {{"content", text}}, i));
    }
    if (dice.coin()) {
        const json arguments{{"city", random_text(dice)}};
        const auto whole = arguments.dump(-1, ' ', /*ensure_ascii=*/true);
        const auto cut = 1 + dice.below(whole.size() - 1);
        add_event(
            stream, manner, dice,
            chunk_of(manner,
                     {{"tool_calls",
                       {{{"index", 0},
                         {"id", "t"},
                         {"function", {{"name", "f"}, {"arguments", whole.substr(0, cut)}}}}}}},
                     9));
        add_event(stream, manner, dice,
                  chunk_of(manner,
                           {{"tool_calls",
                             {{{"index", 0}, {"function", {{"arguments", whole.substr(cut)}}}}}}},
                           9));
        stream.tool_calls = {{{"id", "t"}, {"function", {{"name", "f"}, {"arguments", whole}}}}};
    }
    auto last = chunk_of(manner, json::object(), 9);
    last["choices"][0]["finish_reason"] = "stop";
    add_event(stream, manner, dice, last);
    stream.spoken = stream.bytes.size();
    if (dice.coin()) {
        add_event(stream, manner, dice,
                  {{"choices", json::array()},
                   {"usage", {{"prompt_tokens", 3}, {"completion_tokens", 9}}}});
    }
    if (manner.sends_done) {
        stream.bytes += "data: [DONE]" + manner.end_of_line + manner.end_of_line;
    }
    return stream;
}

struct Read {
    Outcome outcome;
    std::string partial;
};

// Reads as a transfer does, in pieces of up to `piece_max` bytes.
Read read(std::string_view bytes, std::size_t piece_max, bool clean, Dice& dice) {
    http::SseParser parser(1 << 20);
    Assembler assembler({.kind = RequestKind::kChat, .count = 1, .output_bytes_max = 1 << 20});
    Read result;
    while (!bytes.empty()) {
        const auto size = std::min(bytes.size(), 1 + dice.below(piece_max));
        std::vector<http::ServerEvent> events;
        EXPECT_TRUE(parser.feed(bytes.substr(0, size), events));
        bytes.remove_prefix(size);
        for (const auto& event : events) {
            if (auto outcome = assembler.add(event, result.partial)) {
                result.outcome = *std::move(outcome);
                return result;
            }
        }
    }
    if (const auto rest = clean ? parser.rest() : std::nullopt) {
        if (auto outcome = assembler.add(*rest, result.partial)) {
            result.outcome = *std::move(outcome);
            return result;
        }
    }
    result.outcome = assembler.outcome(clean);
    return result;
}

void expect_whole(const Read& read, const Stream& stream, std::uint64_t seed) {
    const auto message = json::parse(read.outcome.output_json)["choices"][0]["message"];
    const auto content = message["content"].is_null() ? "" : message["content"].get<std::string>();
    EXPECT_EQ(content, stream.text) << "seed " << seed;
    EXPECT_EQ(message.value("tool_calls", json()), stream.tool_calls) << "seed " << seed;
    EXPECT_EQ(read.partial, stream.text) << "seed " << seed;
}

TEST(AssemblerFuzz, TheBytesMayBeCutAnywhere) {
    for (std::uint64_t seed = 0; seed < kSeeds && !testing::Test::HasFailure(); ++seed) {
        Dice dice(seed);
        const auto stream = random_stream(dice);
        const auto whole = read(stream.bytes, stream.bytes.size(), /*clean=*/true, dice);
        ASSERT_EQ(whole.outcome.kind, OutcomeKind::kCompleted)
            << "seed " << seed << ": " << whole.outcome.error_message;
        expect_whole(whole, stream, seed);
        for (const std::size_t piece_max : {1, 3, 40}) {
            const auto pieces = read(stream.bytes, piece_max, /*clean=*/true, dice);
            EXPECT_EQ(pieces.outcome.output_json, whole.outcome.output_json) << "seed " << seed;
            EXPECT_EQ(pieces.outcome.usage, whole.outcome.usage) << "seed " << seed;
            EXPECT_EQ(pieces.partial, whole.partial) << "seed " << seed;
        }
    }
}

// Returns what proxies and servers send when something behind them breaks.
std::string random_ending(Dice& dice) {
    constexpr std::array<const char*, 10> kEndings{
        "",
        "",
        "\n\n",
        "\n\ndata: [DONE]\n\n",
        "\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":3}}\n\ndata: [DONE]\n\n",
        "\n\ndata: {\"error\":{\"message\":\"broken\"}}\n\ndata: [DONE]\n\n",
        "\n\nevent: error\ndata: broken\n\n",
        "<html><h1>502 Bad Gateway</h1></html>",
        "\n\ndata: null\n\ndata: \n\n",
        "\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"error\"}]}\n\n"};
    return kEndings.at(dice.below(kEndings.size()));
}

TEST(AssemblerFuzz, ABrokenStreamGivesTheWholeAnswerOrNone) {
    int completed = 0;
    int failed = 0;
    for (std::uint64_t seed = 0; seed < kSeeds && !testing::Test::HasFailure(); ++seed) {
        Dice dice(seed);
        const auto stream = random_stream(dice);
        const auto size = dice.below(stream.bytes.size() + 1);
        const auto bytes = stream.bytes.substr(0, size) + random_ending(dice);
        const auto broken = read(bytes, 1 + dice.below(200), dice.coin(), dice);
        if (broken.outcome.kind == OutcomeKind::kCompleted) {
            ++completed;
            // The last line of the last event may lack its end.
            EXPECT_GE(size + 4, stream.spoken) << "seed " << seed;
            expect_whole(broken, stream, seed);
        } else {
            ++failed;
            EXPECT_EQ(broken.outcome.kind, OutcomeKind::kRetryable) << "seed " << seed;
        }
    }
    EXPECT_GT(completed, 0);
    EXPECT_GT(failed, 0);
}

}  // namespace
}  // namespace millrace::backends::openai

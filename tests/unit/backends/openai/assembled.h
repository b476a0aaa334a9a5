// Helpers for the tests of streamed answers: events in, an outcome out.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "worker/backends/openai/assembler.h"

namespace millrace::backends::openai {

struct Assembled {
    std::optional<Outcome> early;  // An event ended the attempt.
    std::string partial;
    Assembler::End end = Assembler::End::kOpen;
    Outcome outcome;        // The early one, or that of the end.
    nlohmann::json output;  // Null unless it is completed.

    bool is_complete() const { return outcome.kind == OutcomeKind::kCompleted; }
    nlohmann::json message() const { return output["choices"][0]["message"]; }
};

struct StreamOf {
    RequestKind kind = RequestKind::kChat;
    std::optional<std::size_t> count = 1;
    std::size_t output_bytes_max = 100'000;
    bool clean = true;  // The connection ends as the server meant it to.
    milliseconds took{0};
};

inline Assembled assemble(const StreamOf& stream, const std::vector<http::ServerEvent>& events) {
    Assembler assembler(
        {.kind = stream.kind, .count = stream.count, .output_bytes_max = stream.output_bytes_max});
    Assembled result;
    for (const auto& event : events) {
        result.early = assembler.add(event, result.partial, stream.took);
        if (result.early) break;
    }
    result.end = assembler.end();
    result.outcome = result.early ? *result.early : assembler.outcome(stream.clean);
    if (result.is_complete()) result.output = nlohmann::json::parse(result.outcome.output_json);
    return result;
}

inline Assembled assemble(const StreamOf& stream, const std::vector<std::string>& datas) {
    std::vector<http::ServerEvent> events;
    for (const auto& data : datas) events.push_back({.type = {}, .id = {}, .data = data});
    return assemble(stream, events);
}

inline Assembled assemble_chat(const std::vector<std::string>& datas) {
    return assemble(StreamOf{}, datas);
}

// Returns a chunk of a chat with one choice.
inline std::string chat_chunk(const std::string& delta, const std::string& finish = "null") {
    return R"({"choices":[{"index":0,"delta":)" + delta + R"(,"finish_reason":)" + finish + "}]}";
}
inline std::string chat_text(const std::string& text, const std::string& finish = "null") {
    return chat_chunk(R"({"content":)" + nlohmann::json(text).dump() + "}", finish);
}
inline constexpr auto kStop = R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})";
inline constexpr auto kUsage =
    R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}})";

}  // namespace millrace::backends::openai

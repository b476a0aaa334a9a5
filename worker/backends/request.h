// What a job asks of a model: the typed form of JobSpec::input_json.
//
// Exactly one of four members says what is asked: "messages" (a chat), "prompt" (a completion),
// "input" (embeddings) or "image_prompt" (images). The sampling parameters stand beside it under
// OpenAI's names; a parameter that is null counts as absent.
//
// Errors:    kInvalidArgument, with a message that names the member and what it should be.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace millrace::worker {

enum class RequestKind { kChat, kCompletion, kEmbeddings, kImages };

struct ChatMessage {
    std::string role;
    std::string content;
};

// Absent: the backend's default.
struct Sampling {
    std::optional<int> max_tokens;      // "max_tokens" or "max_completion_tokens". >= 1.
    std::optional<double> temperature;  // >= 0; 0 always takes the likeliest token.
    std::optional<double> top_p;        // (0, 1]
    std::optional<int> top_k;           // >= 0; 0 is off.
    std::optional<double> min_p;        // [0, 1]
    std::optional<std::uint32_t> seed;
    std::vector<std::string> stop;  // At most 16, none empty.
};

struct ModelRequest {
    RequestKind kind = RequestKind::kCompletion;
    std::vector<ChatMessage> messages;  // kChat: at least one.
    std::vector<std::string> texts;     // kCompletion, kImages: the prompt; kEmbeddings: some.
    bool has_media = false;             // A message has a part that is no text (left out above).
    Sampling sampling;
};

// The JSON object that the text must be.
Result<nlohmann::json> parse_input(std::string_view input_json);

// Which of the four members is there.
Result<RequestKind> request_kind(const nlohmann::json& input);

Result<ModelRequest> parse_request(const nlohmann::json& input);

}  // namespace millrace::worker

// A job's request to a model: the typed form of JobSpec::input_json.
//
// Exactly one of four members says what is requested: "messages" (a chat), "prompt" (a completion),
// "input" (embeddings) or "image_prompt" (images). The sampling parameters are members beside it,
// with OpenAI's names; a parameter that is null counts as absent.
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
#include "common/json/json_view.h"

namespace millrace::backends {

enum class RequestKind { kChat, kCompletion, kEmbeddings, kImages };

struct ChatMessage {
    std::string role;
    std::string content;
};

// An absent value means the backend's default.
struct Sampling {
    std::optional<int> max_tokens;      // "max_tokens" or "max_completion_tokens". >= 1.
    std::optional<double> temperature;  // >= 0; 0 always takes the likeliest token.
    std::optional<double> top_p;        // (0, 1]
    std::optional<int> top_k;           // >= 0; 0: off.
    std::optional<double> min_p;        // [0, 1]
    std::optional<std::uint32_t> seed;
    std::vector<std::string> stop;  // At most 16, none empty.
};

struct ModelRequest {
    RequestKind kind = RequestKind::kCompletion;
    std::vector<ChatMessage> messages;  // kChat: at least one.
    std::vector<std::string> texts;  // kCompletion, kImages: the prompt; kEmbeddings: at least one.
    bool has_media = false;          // A message has a part other than text (left out above).
    Sampling sampling;
};

// Parses the text, which must be a JSON object.
Result<nlohmann::json> parse_input(std::string_view input_json);

// The members of the text, which must be a JSON object: views of it. Checks their values only,
// which takes a twentieth of the time of parse_input() and copies nothing.
Result<std::vector<json_text::JsonMember>> input_members(std::string_view input_json);

// Which of the four members is present.
Result<RequestKind> request_kind(const nlohmann::json& input);
Result<RequestKind> request_kind(const std::vector<json_text::JsonMember>& input);

Result<ModelRequest> parse_request(const nlohmann::json& input);

}  // namespace millrace::backends

// From a job's input to the HTTP request for one endpoint. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "worker/backends/openai/profile.h"
#include "worker/backends/request.h"

namespace millrace::worker {

// Of one request and of one endpoint: bounds what a nonsensical number adds up to.
inline constexpr std::int64_t kTokensMax = 1'000'000'000;

// What can be told of a request before it is known where it goes.
struct RequestOutline {
    RequestKind kind = RequestKind::kChat;
    // Choices or vectors that are asked for. Absent where that cannot be told.
    std::optional<std::size_t> answers;
    // Of the text, at four bytes each; what images cost is not known.
    std::int64_t prompt_tokens = 0;
    // All outputs together: what it asks for at most; 0 for embeddings. Absent: it does not say.
    std::optional<std::int64_t> output_tokens_max;
    // Of the beginning, which jobs with the same system prompt share: the first 1 KiB of the first
    // message, or of the prompt. Absent where it is too short to be worth a thought.
    std::optional<std::uint64_t> prefix;
};

// kInvalidArgument when the input is none of the four kinds.
Result<RequestOutline> outline_request(std::string_view input_json);

struct EndpointRequest {
    std::string_view path;  // Below the base URL, such as "/chat/completions".
    std::string body;
    bool streams = false;  // Completions only: the others have nothing to show before their end.
};

struct RequestTarget {
    const std::string& model;  // The server's name for it.
    const Profile& profile;
    std::string id;  // Of the attempt, for the server's logs.
};

// The input byte for byte, but for `model`, `stream` and `stream_options.include_usage`, which are
// ours: only a stream shows the server at once that nobody listens any more. What the server is
// known to answer rightly only in one piece is not streamed. "image_prompt" is sent as "prompt".
// kInvalidArgument as above, and for what the server is known not to take.
Result<EndpointRequest> make_endpoint_request(std::string_view input_json,
                                              const RequestTarget& target);

}  // namespace millrace::worker

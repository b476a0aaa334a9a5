// Turns a job's input into the HTTP request for one endpoint. No tree is built of the input:
// docs/decisions/0014-inputs-are-read-as-text.md has the reason, and the figures.
//
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "worker/backends/openai/profile.h"
#include "worker/backends/request.h"

namespace millrace::backends::openai {

// The limit of one request and of one endpoint, so that nonsensical numbers cannot overflow a sum.
inline constexpr std::int64_t kTokensMax = 1'000'000'000;

// The properties of a request that do not depend on its endpoint.
struct RequestOutline {
    RequestKind kind = RequestKind::kChat;
    // The requested number of choices or vectors. Absent if it cannot be determined.
    std::optional<std::size_t> answers;
    // Estimated at four bytes of text a token; a list of tokens counts by its length. The cost of
    // images is unknown.
    std::int64_t prompt_tokens = 0;
    // The limit of all outputs together; 0 for embeddings. Absent if the request sets none.
    std::optional<std::int64_t> output_tokens_max;
    // A hash of the beginning, which jobs with the same system prompt share: the first 1 KiB of the
    // first message, or of the prompt. Absent if that is too short to be worth caching.
    std::optional<std::uint64_t> prefix;

    // --- For make_endpoint_request() ---
    bool is_list = false;   // What is asked is a list.
    std::size_t texts = 1;  // How many texts are asked; a list of tokens is one.
    bool has_tools = false;
    bool has_logprobs = false;
    std::string stream_options;  // The value to send, with include_usage.
};

// kInvalidArgument if the input is not a JSON object of one of the four kinds.
Result<RequestOutline> outline_request(std::string_view input_json);

// The outline's prefix alone, which takes less time; absent also for an input that is refused.
std::optional<std::uint64_t> request_prefix(std::string_view input_json);

struct EndpointRequest {
    std::string_view path;  // Below the base URL, such as "/chat/completions".
    std::string body;
    bool streams = false;  // Completions only: the other kinds have no output before their end.
};

struct RequestTarget {
    const std::string& model;  // The server's name for it.
    const Profile& profile;
    std::string id;  // The attempt's id, for the server's logs.
};

// Passes the input on byte for byte, except `model`, `stream` and `stream_options.include_usage`,
// which the worker sets. Completions are streamed, because only then does the server notice at once
// that the worker has closed the connection. Requests that the server is known to answer correctly
// only unstreamed are not streamed. "image_prompt" is sent as "prompt". kInvalidArgument for
// requests that the server is known not to support. Requires: the outline is that of the input.
Result<EndpointRequest> make_endpoint_request(std::string_view input_json,
                                              const RequestOutline& outline,
                                              const RequestTarget& target);

}  // namespace millrace::backends::openai

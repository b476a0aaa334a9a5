// Turns a job's input into the HTTP request for one endpoint. Pure.
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
};

// kInvalidArgument if the input is none of the four kinds.
Result<RequestOutline> outline_request(std::string_view input_json);

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
// only unstreamed are not streamed. "image_prompt" is sent as "prompt". kInvalidArgument as above,
// and for requests that the server is known not to support.
Result<EndpointRequest> make_endpoint_request(std::string_view input_json,
                                              const RequestTarget& target);

}  // namespace millrace::backends::openai

// From a job's input to the body of an HTTP request, and from settings to endpoints. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/backends/request.h"

namespace millrace::worker {

struct EndpointRequest {
    RequestKind kind = RequestKind::kChat;
    std::string_view
        path;             // Below the base URL: "/chat/completions", "/completions", "/embeddings".
    bool stream = false;  // All but embeddings.
    std::string body;
};

// The input as it came, but for `model`, `stream` and `stream_options.include_usage`, which are
// ours: only a stream shows the server at once that nobody listens any more. kInvalidArgument when
// the input is none of the three kinds.
Result<EndpointRequest> make_endpoint_request(std::string_view input_json,
                                              const std::string& server_model);

// "http://host:8000" and "http://host:8000/v1/" both become "http://host:8000/v1". kInvalidArgument
// for another scheme, a user or password in the URL (they would show up in logs), or a query.
Result<std::string> normal_base_url(const std::string& text);

// Name that jobs use → name that the server uses. From "name" or "name=server-name".
Result<std::map<std::string, std::string>> parse_model_names(const std::vector<std::string>& names);

// The ids in the answer to GET /v1/models.
Result<std::vector<std::string>> parse_model_list(std::string_view body);

}  // namespace millrace::worker

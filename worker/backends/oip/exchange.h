// An HTTP exchange with a server of the Open Inference Protocol: how requests look, and what their
// ends mean.
#pragma once

#include <optional>
#include <string>

#include "worker/backends/http/http_call.h"
#include "worker/backends/oip/oip_backend.h"
#include "worker/backends/oip/server_error.h"

namespace millrace::worker {

// A GET of `url`; with a body it becomes a POST, and more headers may be added.
HttpRequest make_request(const OipOptions& options, std::string url,
                         const std::string& content_type = "application/json");

// Nothing when it is a success, whose body is still to be read; also where that is too large.
std::optional<ServerError> error_of(HttpEnd end, const HttpCall& call, const OipOptions& options);

}  // namespace millrace::worker

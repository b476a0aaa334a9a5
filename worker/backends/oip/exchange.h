// An HTTP exchange with a server of the Open Inference Protocol: builds requests, and classifies
// the way they end.
#pragma once

#include <optional>
#include <string>

#include "worker/backends/oip/oip_backend.h"
#include "worker/backends/oip/server_error.h"
#include "worker/backends/serving/http_call.h"

namespace millrace::backends::oip {

// Makes a GET of `url`. With a body it becomes a POST; more headers may be added.
serving::HttpRequest make_request(const OipOptions& options, std::string url,
                                  const std::string& content_type = "application/json");

// Nothing if it is a success, whose body must still be read, or a success that is too large.
std::optional<ServerError> error_of(serving::HttpEnd end, const serving::HttpCall& call,
                                    const OipOptions& options);

}  // namespace millrace::backends::oip

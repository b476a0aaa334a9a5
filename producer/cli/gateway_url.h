// Where the gateway is, as people write it.
//
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace millrace::cli {

// "localhost:8080", "http://host:8080/", "https://host/v1", "http://[::1]:8080": the URL before
// "/v1", with its scheme. A path before that is kept, for gateways behind a proxy. What cannot be
// meant is kInvalidArgument; the message never holds a password.
Result<std::string> gateway_url(std::string_view text);

}  // namespace millrace::cli

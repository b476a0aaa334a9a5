// Parses the gateway's address as people write it.
//
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace millrace::cli {

// Accepts "localhost:8080", "http://host:8080/", "https://host/v1" or "http://[::1]:8080", and
// returns the URL before "/v1", with its scheme. A path before that is kept, for gateways behind a
// proxy. Anything else is kInvalidArgument; the message never contains a password.
Result<std::string> gateway_url(std::string_view text);

}  // namespace millrace::cli

// Interprets settings about servers: where they are, and how their models are named. Pure.
//
// Errors:    kInvalidArgument, saying what to change.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace millrace::backends::serving {

// A URL to which paths can be appended: no "/" at its end, no whitespace around it. Refuses a URL
// without http:// or https://, with a user or password (they would show up in logs), or with a
// query.
Result<std::string> plain_base_url(const std::string& text);

// "gpu-1:8000" of such a URL.
std::string host_and_port(const std::string& base_url);

// The key without surrounding whitespace, which files and secrets often add. Refuses a key that
// contains anything but printable ASCII, which would break the request's header. The message names
// the setting, and shows nothing of the key.
Result<std::string> clean_api_key(const std::string& setting, const std::string& text);

// Maps names that jobs use to names on the server.
using ModelNames = std::map<std::string, std::string>;

// Parses "name" or "name=server-name".
Result<ModelNames> parse_model_names(const std::vector<std::string>& names);

}  // namespace millrace::backends::serving

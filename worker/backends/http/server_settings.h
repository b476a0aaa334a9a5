// What settings say about servers: where they are, and what their models are called. Pure.
//
// Errors:    kInvalidArgument, saying what to change.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace millrace::worker {

// A URL to put paths behind: no "/" at its end, no whitespace around it. Refused are a URL without
// http:// or https://, a user or password in it (they would show up in logs), and a query.
Result<std::string> plain_base_url(const std::string& text);

// "gpu-1:8000" of such a URL.
std::string host_and_port(const std::string& base_url);

// Without the whitespace around it, which comes along from files and secrets. Refused is a key with
// anything but printable ASCII inside, which would break the request's header: the message names
// the setting and shows nothing of the key.
Result<std::string> clean_api_key(const std::string& setting, const std::string& text);

using ModelNames = std::map<std::string, std::string>;  // That jobs use → that the server uses.

// From "name" or "name=server-name".
Result<ModelNames> parse_model_names(const std::vector<std::string>& names);

}  // namespace millrace::worker

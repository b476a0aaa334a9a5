// What settings say about servers: where they are, and what their models are called. Pure.
//
// Errors:    kInvalidArgument, saying what to change.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace millrace::worker {

// A URL to put paths behind: no "/" at its end. Refused are other schemes than http and https, a
// user or password in the URL (they would show up in logs), and a query.
Result<std::string> plain_base_url(const std::string& text);

// "gpu-1:8000" of such a URL.
std::string host_and_port(const std::string& base_url);

using ModelNames = std::map<std::string, std::string>;  // That jobs use → that the server uses.

// From "name" or "name=server-name".
Result<ModelNames> parse_model_names(const std::vector<std::string>& names);

}  // namespace millrace::worker

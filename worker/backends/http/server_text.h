// What servers say, made fit for an error message. Pure.
#pragma once

#include <string>
#include <string_view>

namespace millrace::worker {

// About 500 bytes of it at most, on one line, as text (common/base/text.h).
std::string one_line(std::string_view text);

// Scheme, host, port and path of a URL, on one line; not its user, password, query and fragment,
// where secrets are. Empty for what is no URL.
std::string place_of(const std::string& url);

// Replaces every occurrence of the secret: servers repeat a refused key in their message.
void redact(std::string& text, std::string_view secret);

}  // namespace millrace::worker

// Makes text from servers fit for an error message. Pure.
#pragma once

#include <string>
#include <string_view>

namespace millrace::backends::serving {

// At most about 500 bytes of it, on one line, as text (common/base/text.h).
std::string one_line(std::string_view text);

// The same of a page's title, where proxies put their message; of the whole body if it has none.
std::string title_or_all(std::string_view body);

// Scheme, host, port and path of a URL, on one line; without user, password, query and fragment,
// which may hold secrets. Empty if `url` is not a URL.
std::string place_of(const std::string& url);

// Replaces every occurrence of the secret: servers repeat a refused key in their message.
void redact(std::string& text, std::string_view secret);

}  // namespace millrace::backends::serving

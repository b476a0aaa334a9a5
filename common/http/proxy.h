// The proxy of a request, for messages: somebody whose proxy is away sees only that the server
// cannot be reached.
//
// Threads: any; the environment is read and must not change meanwhile.
#pragma once

#include <string>

namespace millrace::http {

// Returns "; the request takes the proxy http://proxy:3128 (http_proxy)", without user and
// password, or nothing if the URL is reached directly. Follows the rules of curl_rules.h. If
// no_proxy has ranges of addresses, it returns nothing for addresses.
std::string proxy_note(const std::string& url);

}  // namespace millrace::http

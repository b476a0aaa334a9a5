// What requests to model servers share below their protocol: curl handles, header lists, and what
// curl reports about an answer.
//
// Threads:   one caller at a time for each handle.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"

namespace millrace::backends::serving {

struct CurlDeleter {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct CurlMultiDeleter {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using CurlHandle = std::unique_ptr<CURL, CurlDeleter>;
using CurlList = std::unique_ptr<curl_slist, CurlDeleter>;
using CurlMulti = std::unique_ptr<CURLM, CurlMultiDeleter>;

// Call once per process, before the first thread that uses curl; further calls do nothing.
void init_curl();

void add_header(CurlList& headers, const std::string& line);
// With the API key, if there is one, as a bearer token.
CurlList make_headers(const std::string& api_key, const std::string& content_type);

// How to connect to servers.
struct ConnectOptions {
    milliseconds timeout{5'000};  // For one attempt to connect.
    std::string ca_file = {};     // Certificates to trust; empty: see curl_rules.h.
};

// Makes a handle with the settings that every request needs, by the rules of curl_rules.h;
// `headers` must outlive it. The request does not ask for compression, which would delay streams;
// an answer that is compressed anyway is unpacked, and one with a coding that curl does not know is
// taken as it is. A connection is used for at most a minute and a
// name is resolved again after seconds, so that a server that moves is found at its new address.
CurlHandle make_handle(const std::string& url, const curl_slist* headers,
                       const ConnectOptions& connect);
// Makes the request a POST. `body` must outlive the handle.
void set_body(CURL* handle, const std::string& body);
// Appends the answer's body to `text`, which must outlive the handle. A body of more than
// kSmallAnswerBytesMax aborts the transfer.
void collect_answer(CURL* handle, std::string& text);
inline constexpr std::size_t kSmallAnswerBytesMax = 1 << 20;

// The answer's status; 0 before its first line.
long status_of(CURL* handle);
// Time from the beginning of the transfer to its end.
milliseconds took_of(CURL* handle);
// How long the server asks to be left alone: retry-after-ms, otherwise Retry-After; also with the
// prefix llm_provider-, as a gateway passes them on. At most a day.
std::optional<milliseconds> retry_after_of(CURL* handle);
// Parses the value of such a header: seconds, possibly with a fraction, or a date. Nothing if it is
// neither, or if the time is over.
std::optional<milliseconds> parse_retry_after(const std::string& text, std::int64_t unix_seconds);
// The target of a redirect, in the form of place_of(); empty if there is none.
std::string location_of(CURL* handle);
// The value of x-should-retry; nothing if it is absent or unknown.
std::optional<bool> should_retry_of(CURL* handle);

// Whether curl's result means that the connection failed, so that another endpoint may be tried.
// CURLE_OPERATION_TIMEDOUT counts as such.
bool is_unreachable(CURLcode code);
// Whether the connection was closed before the first byte of an answer. Forwarders whose server is
// away do so (docker-proxy, ssh), and so does a server that dies of the request.
bool was_unanswered(CURL* handle, CURLcode code);

}  // namespace millrace::backends::serving

// What requests to model servers have in common below their protocol: curl handles, lists of
// headers, and what curl says about an answer.
//
// Threads:   one caller at a time for each handle.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"

namespace millrace::worker {

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

// Once a process, before the first thread that uses curl; further calls do nothing.
void init_curl();

void add_header(CurlList& headers, const std::string& line);
// With the API key as a bearer token, where there is one.
CurlList make_headers(const std::string& api_key, const std::string& content_type);

// How servers are reached.
struct ConnectOptions {
    milliseconds timeout{5'000};  // Of one attempt to connect.
    std::string ca_file = {};     // Certificates to trust; empty: as curl_rules.h says.
};

// A new handle with the settings that every request needs, by the rules of curl_rules.h; `headers`
// must outlive it. No compression is asked for, which would hold up streams; an answer that comes
// compressed all the same is unpacked. A connection is used for a minute at most and a name is
// asked for again after seconds, so that a server which moves is found where it is now.
CurlHandle make_handle(const std::string& url, const curl_slist* headers,
                       const ConnectOptions& connect);
// Makes the request a POST. `body` must outlive the handle.
void set_body(CURL* handle, const std::string& body);
// The answer's body goes to the end of `text`, which must outlive the handle; one of more than
// kSmallAnswerBytesMax breaks off.
void collect_answer(CURL* handle, std::string& text);
inline constexpr std::size_t kSmallAnswerBytesMax = 1 << 20;

// 0 before the answer's first line.
long status_of(CURL* handle);
// From the beginning of the transfer to its end.
milliseconds took_of(CURL* handle);
// How long the server asks to be left alone: retry-after-ms, else Retry-After, also as a gateway
// passes it on (llm_provider-…); at most a day.
std::optional<milliseconds> retry_after_of(CURL* handle);
// The value of such a header: seconds, also with a fraction, or a date. Nothing for what is
// neither, and for a time that is over.
std::optional<milliseconds> parse_retry_after(const std::string& text, std::int64_t unix_seconds);
// Where the answer, a redirect, points to, as place_of() has it; empty where it points nowhere.
std::string location_of(CURL* handle);
// x-should-retry; nothing where it is not there, or no word that is known.
std::optional<bool> should_retry_of(CURL* handle);

// Whether curl's result means that no connection came about: another endpoint may be tried.
// CURLE_OPERATION_TIMEDOUT counts as such.
bool is_unreachable(CURLcode code);

}  // namespace millrace::worker

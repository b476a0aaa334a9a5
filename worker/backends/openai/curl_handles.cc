#include "worker/backends/openai/curl_handles.h"

#include "common/base/check.h"

namespace millrace::worker {
namespace {

template <class... Value>
void set(CURL* handle, CURLoption option, Value... value) {
    CHECK(curl_easy_setopt(handle, option, value...) == CURLE_OK);
}

}  // namespace

CurlList make_headers(const std::string& api_key) {
    CurlList headers;
    const auto add = [&headers](const std::string& line) {
        auto* list = curl_slist_append(headers.get(), line.c_str());
        CHECK(list != nullptr);
        static_cast<void>(headers.release());
        headers.reset(list);
    };
    add("Content-Type: application/json");
    // No waiting for "100 Continue" before a large body.
    add("Expect:");
    if (!api_key.empty()) add("Authorization: Bearer " + api_key);
    return headers;
}

CurlHandle make_handle(const std::string& url, const curl_slist* headers,
                       milliseconds connect_timeout) {
    CurlHandle handle(curl_easy_init());
    CHECK(handle);
    set(handle.get(), CURLOPT_URL, url.c_str());
    set(handle.get(), CURLOPT_HTTPHEADER, headers);
    set(handle.get(), CURLOPT_PROTOCOLS_STR, "http,https");
    set(handle.get(), CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(handle.get(), CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect_timeout.count()));
    set(handle.get(), CURLOPT_NOSIGNAL, 1L);
    // A server that vanished without a word is noticed in about a minute, however quiet it may be.
    set(handle.get(), CURLOPT_TCP_KEEPALIVE, 1L);
    set(handle.get(), CURLOPT_TCP_KEEPIDLE, 30L);
    set(handle.get(), CURLOPT_TCP_KEEPINTVL, 10L);
    return handle;
}

void set_body(CURL* handle, const std::string& body) {
    set(handle, CURLOPT_POST, 1L);
    set(handle, CURLOPT_POSTFIELDS, body.data());
    set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
}

}  // namespace millrace::worker

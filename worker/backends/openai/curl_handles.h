// curl's handles with owners, and the settings that every request to an endpoint needs.
//
// Threads:   a handle belongs to one thread at a time.
#pragma once

#include <curl/curl.h>

#include <memory>
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

// With the API key as a bearer token, where there is one.
CurlList make_headers(const std::string& api_key);

// `headers` must outlive the handle.
CurlHandle make_handle(const std::string& url, const curl_slist* headers,
                       milliseconds connect_timeout);
// Makes the request a POST. `body` must outlive the handle.
void set_body(CURL* handle, const std::string& body);

}  // namespace millrace::worker

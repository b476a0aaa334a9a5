// A small HTTP client over libcurl for programs that talk to the gateway.
//
// Keeps its connection alive between requests. Proxies and certificates: see curl_rules.h.
//
// Threads: one caller at a time.
// Blocks:  every call, up to the request's timeout.
// Errors:  kUnavailable       no connection could be made, it broke, or the answer is too long;
//          kDeadlineExceeded  the timeout passed;
//          kCancelled         the reader of a stream stopped it.
//          An answer of any status is a value, not an error.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace millrace::http {

struct Request {
    std::string method = "GET";
    std::string url;
    std::vector<std::string> headers;  // "Name: value"
    std::string body;
    std::string ca_file;          // Certificates to trust; empty: see curl_rules.h.
    milliseconds timeout{30000};  // For the whole exchange; zero: none.
    // The longest time without a byte of the answer, to within a second; then kDeadlineExceeded.
    // Zero: no bound.
    milliseconds silence_max{0};
    // The limit for a body that is not streamed; a longer one is kUnavailable.
    std::size_t answer_bytes_max = std::size_t{1} << 30;
};

struct Response {
    int status = 0;
    std::map<std::string, std::string> headers;  // Names in lower case.
    std::string body;                            // Empty if it was streamed.
};

// Called with each piece of a body; false stops the transfer.
using OnData = std::function<bool(std::string_view)>;

class Client {
 public:
    Client();
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // A POST without an Idempotency-Key is sent once, on its own connection; after an error it may
    // have arrived or not.
    Result<Response> send(const Request& request);
    // Like send(), but passes the body of a 2xx answer to `on_data` as it arrives.
    Result<Response> stream(const Request& request, const OnData& on_data);
    // Whether the last request reached its server, so that it may have been received whatever the
    // result.
    bool has_reached_server() const;

 private:
    struct Handle;
    std::unique_ptr<Handle> handle_;
};

// For one part of a path or a query: encodes everything but unreserved characters as %XX (RFC
// 3986).
std::string percent_encode(std::string_view text);

}  // namespace millrace::http

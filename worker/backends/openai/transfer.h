// One request to an endpoint and its answer, on one curl handle.
//
// Threads:   only the backend's own thread.
// Owns:      the curl handle, which must not be in a multi handle any more when it is destroyed.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/http/sse_parser.h"
#include "worker/backends/backend.h"
#include "worker/backends/openai/assembler.h"
#include "worker/backends/openai/endpoint_request.h"

namespace millrace::worker {

struct CurlDeleter {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlHandle = std::unique_ptr<CURL, CurlDeleter>;
using CurlList = std::unique_ptr<curl_slist, CurlDeleter>;

// The same for all transfers of a backend.
struct TransferOptions {
    milliseconds connect_timeout{0};
    std::size_t output_bytes_max = 0;
};

// A new handle with the settings that every request needs; `headers` must outlive it.
CurlHandle make_handle(const std::string& url, const curl_slist* headers,
                       milliseconds connect_timeout);

class Transfer {
 public:
    Transfer(Execution execution, EndpointRequest request, const TransferOptions& options,
             ExecutionSink& sink);

    // Makes the handle for an attempt at one endpoint. Requires: nothing was received yet.
    CURL* open(std::size_t endpoint, const std::string& base_url, const curl_slist* headers);

    const Execution& execution() const { return execution_; }
    const AttemptKey& key() const { return execution_.job.key; }
    CURL* handle() const { return handle_.get(); }
    std::size_t endpoint() const { return endpoint_; }
    bool tried(std::size_t endpoint) const;

    // Whether curl's result means that no connection came about: another endpoint may be tried.
    static bool is_unreachable(CURLcode code);
    // What the attempt has come to. Call once, when the transfer is over.
    Outcome outcome(CURLcode code, const std::string& base_url);

 private:
    static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self);
    // False ends the transfer; verdict_ says why.
    bool take(std::string_view bytes);
    bool take_events(std::string_view bytes);
    bool take_body(std::string_view bytes);
    long status() const;
    bool is_stream() const;
    std::optional<milliseconds> retry_after() const;

    const Execution execution_;
    const EndpointRequest request_;
    const TransferOptions& options_;
    ExecutionSink& sink_;

    CurlHandle handle_;
    std::size_t endpoint_ = 0;
    std::vector<std::size_t> tried_;

    std::string body_;  // Of an answer that is no stream.
    http::SseParser events_;
    std::optional<Assembler> assembler_;  // For a stream.
    std::optional<Outcome> verdict_;      // Reached before the end of the answer.
};

}  // namespace millrace::worker

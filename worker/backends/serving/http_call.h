// One request to a model server, on a curl handle. Its answer is collected whole, up to a limit.
//
// Threads:   only the thread of its HttpMulti.
// Owns:      the handle, and the request's bytes, which curl reads while it sends.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "worker/backends/serving/curl_handles.h"

namespace millrace::backends::serving {

struct HttpRequest {
    std::string url;
    std::string body;  // Empty: GET, otherwise POST.
    CurlList headers;
    ConnectOptions connect = {};
    milliseconds timeout{0};  // For the whole exchange. > 0.
    std::size_t answer_bytes_max = 0;
};

// How a request ended.
enum class HttpEnd {
    kAnswered,     // With a whole answer, of any status.
    kTooLarge,     // A success whose body is larger than answer_bytes_max.
    kUnreachable,  // Nothing was sent.
    kTimedOut,     // Sent, but not answered in time.
    kUnanswered,   // was_unanswered()
    kCut,          // The connection broke in another way, before or during the answer.
};

class HttpCall {
 public:
    // `on_done` is called from HttpMulti::step; it may destroy the call.
    HttpCall(HttpRequest request, std::function<void(HttpEnd)> on_done);

    CURL* handle() const { return handle_.get(); }
    long status() const { return status_of(handle()); }
    const std::string& body() const { return body_; }
    std::optional<std::string> header(const std::string& name) const;
    std::optional<milliseconds> retry_after() const { return retry_after_of(handle()); }
    milliseconds took() const { return took_of(handle()); }
    // curl's description of the end.
    std::string reason() const { return reason_; }

    // Called once, after the handle was removed from the multi handle.
    void end(CURLcode code);

 private:
    static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self);
    bool take(std::string_view bytes);
    HttpEnd end_of(CURLcode code) const;

    const HttpRequest request_;
    std::function<void(HttpEnd)> on_done_;
    CurlHandle handle_;
    std::string body_;
    std::string reason_;
    bool too_large_ = false;
};

}  // namespace millrace::backends::serving

#include "worker/backends/serving/http_call.h"

#include <string_view>
#include <utility>

#include "common/base/check.h"
#include "common/http/curl_rules.h"

namespace millrace::backends::serving {
namespace {

constexpr std::size_t kErrorBytesMax = 64 << 10;

}  // namespace

HttpCall::HttpCall(HttpRequest request, std::function<void(HttpEnd)> on_done)
    : request_(std::move(request)),
      on_done_(std::move(on_done)),
      handle_(make_handle(request_.url, request_.headers.get(), request_.connect)) {
    http::set_option(handle(), CURLOPT_TIMEOUT_MS, static_cast<long>(request_.timeout.count()));
    http::set_option(handle(), CURLOPT_WRITEFUNCTION, &HttpCall::on_body);
    http::set_option(handle(), CURLOPT_WRITEDATA, static_cast<void*>(this));
    http::set_option(handle(), CURLOPT_PRIVATE, static_cast<void*>(this));
    if (!request_.body.empty()) set_body(handle(), request_.body);
}

std::optional<std::string> HttpCall::header(const std::string& name) const {
    curl_header* header = nullptr;
    if (curl_easy_header(handle(), name.c_str(), 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
        return std::nullopt;
    }
    return header->value;
}

std::size_t HttpCall::on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    const std::string_view part(bytes, size * count);
    return static_cast<HttpCall*>(self)->take(part) ? part.size() : 0;
}

bool HttpCall::take(std::string_view bytes) {
    const bool is_error = status() >= 300;
    const auto max = is_error ? kErrorBytesMax : request_.answer_bytes_max;
    if (body_.size() + bytes.size() <= max) {
        body_ += bytes;
        return true;
    }
    too_large_ = !is_error;
    return false;
}

HttpEnd HttpCall::end_of(CURLcode code) const {
    if (too_large_) return HttpEnd::kTooLarge;
    // The beginning of a long error is enough.
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && status() >= 300)) {
        return HttpEnd::kAnswered;
    }
    // The size includes what was sent over a reused connection that broke, even if the second try
    // is refused.
    long sent = 0;
    curl_easy_getinfo(handle(), CURLINFO_REQUEST_SIZE, &sent);
    if (sent == 0 && is_unreachable(code)) return HttpEnd::kUnreachable;
    if (was_unanswered(handle(), code)) return HttpEnd::kUnanswered;
    return code == CURLE_OPERATION_TIMEDOUT ? HttpEnd::kTimedOut : HttpEnd::kCut;
}

void HttpCall::end(CURLcode code) {
    reason_ = http::reason_of(handle(), code, "ca_file");
    const auto on_done = std::move(on_done_);
    on_done(end_of(code));
}

}  // namespace millrace::backends::serving

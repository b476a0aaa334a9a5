#include "worker/backends/openai/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/base/check.h"
#include "worker/backends/openai/endpoint_error.h"
#include "worker/backends/outcomes.h"

namespace millrace::worker {
namespace {

constexpr std::size_t kErrorBodyBytesMax = 64 << 10;
// Around the text of one event: ids, names, log probabilities.
constexpr std::size_t kEventOverheadBytes = 1 << 20;

template <class... Value>
void set(CURL* handle, CURLoption option, Value... value) {
    CHECK(curl_easy_setopt(handle, option, value...) == CURLE_OK);
}

}  // namespace

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

Transfer::Transfer(Execution execution, EndpointRequest request, const TransferOptions& options,
                   ExecutionSink& sink)
    : execution_(std::move(execution)),
      request_(std::move(request)),
      options_(options),
      sink_(sink),
      events_(options.output_bytes_max + kEventOverheadBytes) {}

CURL* Transfer::open(std::size_t endpoint, const std::string& base_url, const curl_slist* headers) {
    endpoint_ = endpoint;
    tried_.push_back(endpoint);
    handle_ = make_handle(fmt::format("{}{}", base_url, request_.path), headers,
                          options_.connect_timeout);
    set(handle(), CURLOPT_POST, 1L);
    set(handle(), CURLOPT_POSTFIELDS, request_.body.data());
    set(handle(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(handle(), CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(handle(), CURLOPT_WRITEDATA, static_cast<void*>(this));
    set(handle(), CURLOPT_PRIVATE, static_cast<void*>(this));
    return handle();
}

bool Transfer::tried(std::size_t endpoint) const {
    return std::find(tried_.begin(), tried_.end(), endpoint) != tried_.end();
}

std::size_t Transfer::on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    const std::string_view part(bytes, size * count);
    return static_cast<Transfer*>(self)->take(part) ? part.size() : 0;
}

bool Transfer::take(std::string_view bytes) {
    return is_stream() ? take_events(bytes) : take_body(bytes);
}

bool Transfer::take_events(std::string_view bytes) {
    if (!assembler_) assembler_.emplace(request_.kind, options_.output_bytes_max);
    std::vector<http::ServerEvent> events;
    std::string partial;
    if (!events_.feed(bytes, events)) verdict_ = output_too_large(options_.output_bytes_max);
    for (std::size_t i = 0; i < events.size() && !verdict_; ++i) {
        verdict_ = assembler_->add(events[i].data, partial);
    }
    // What came with an output that is too large is not shown either.
    if (verdict_) return false;
    if (!partial.empty()) sink_.partial(key(), partial);
    return true;
}

bool Transfer::take_body(std::string_view bytes) {
    const bool is_error = status() >= 300;
    const auto max = is_error ? kErrorBodyBytesMax : options_.output_bytes_max;
    if (body_.size() + bytes.size() <= max) {
        body_ += bytes;
        return true;
    }
    if (!is_error) verdict_ = output_too_large(max);
    return false;
}

long Transfer::status() const {
    long status = 0;
    curl_easy_getinfo(handle(), CURLINFO_RESPONSE_CODE, &status);
    return status;
}

bool Transfer::is_stream() const {
    if (!request_.stream || status() >= 300) return false;
    const char* type = nullptr;
    curl_easy_getinfo(handle(), CURLINFO_CONTENT_TYPE, &type);
    return type == nullptr || !std::string_view(type).starts_with("application/json");
}

std::optional<milliseconds> Transfer::retry_after() const {
    // Finer than the standard's whole seconds; sent by OpenAI and its relatives.
    curl_header* header = nullptr;
    if (curl_easy_header(handle(), "retry-after-ms", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
        const std::string_view text = header->value;
        std::int64_t count = 0;
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
        if (parsed.ec == std::errc() && count >= 0) return milliseconds(count);
    }
    curl_off_t seconds = 0;
    curl_easy_getinfo(handle(), CURLINFO_RETRY_AFTER, &seconds);
    constexpr curl_off_t kSecondsMax = 24 * 60 * 60;
    if (seconds <= 0) return std::nullopt;
    return std::chrono::seconds(std::min(seconds, kSecondsMax));
}

bool Transfer::is_unreachable(CURLcode code) {
    switch (code) {
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_CONNECT:
        case CURLE_OPERATION_TIMEDOUT:  // Only connecting has a timeout of curl's.
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
            return true;
        default:
            return false;
    }
}

Outcome Transfer::outcome(CURLcode code, const std::string& base_url) {
    if (verdict_) return *std::move(verdict_);
    if (is_unreachable(code)) return endpoint_unreachable(base_url, curl_easy_strerror(code));
    if (status() >= 300) {
        return http_error_outcome(
            {.status = status(), .body = body_, .retry_after = retry_after()});
    }
    if (assembler_) {
        if (assembler_->complete()) return assembler_->outcome();
        if (code == CURLE_OK && !assembler_->has_events()) {
            return invalid_response("there is no event in the stream");
        }
        return stream_truncated();
    }
    if (code == CURLE_OK) {
        return body_.empty() ? invalid_response("it is empty")
                             : unstreamed_outcome(request_.kind, body_);
    }
    if (status() != 0) return stream_truncated();
    return failed_outcome(OutcomeKind::kRetryable, "connection_lost",
                          fmt::format("{} did not answer: {}", base_url, curl_easy_strerror(code)));
}

}  // namespace millrace::worker

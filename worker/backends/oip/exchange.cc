#include "worker/backends/oip/exchange.h"

#include <utility>

#include "common/base/check.h"
#include "worker/backends/serving/server_text.h"

namespace millrace::worker {
namespace {

std::optional<ServerError> plain_error_of(HttpEnd end, const HttpCall& call,
                                          const OipOptions& options) {
    switch (end) {
        case HttpEnd::kUnreachable:
            return unreachable(call.reason());
        case HttpEnd::kTimedOut:
            return timed_out(options.timeout);
        case HttpEnd::kUnanswered:
            return unanswered(call.reason());
        case HttpEnd::kCut:
            return connection_lost(call.reason());
        case HttpEnd::kTooLarge:
            return std::nullopt;
        case HttpEnd::kAnswered:
            if (call.status() < 300) return std::nullopt;
            return classify({.status = call.status(),
                             .body = call.body(),
                             .retry_after = call.retry_after(),
                             .took = call.took()});
    }
    CHECK(false);
}

}  // namespace

HttpRequest make_request(const OipOptions& options, std::string url,
                         const std::string& content_type) {
    return {.url = std::move(url),
            .headers = make_headers(options.api_key, content_type),
            .connect = {.timeout = options.connect_timeout, .ca_file = options.ca_file},
            .timeout = options.timeout};
}

std::optional<ServerError> error_of(HttpEnd end, const HttpCall& call, const OipOptions& options) {
    auto error = plain_error_of(end, call, options);
    if (error) redact(error->outcome.error_message, options.api_key);
    return error;
}

}  // namespace millrace::worker

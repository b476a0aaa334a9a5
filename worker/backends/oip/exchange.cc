#include "worker/backends/oip/exchange.h"

#include <utility>

#include "common/base/check.h"
#include "worker/backends/serving/server_text.h"

namespace millrace::backends::oip {
namespace {

std::optional<ServerError> plain_error_of(serving::HttpEnd end, const serving::HttpCall& call,
                                          const OipOptions& options) {
    switch (end) {
        case serving::HttpEnd::kUnreachable:
            return unreachable(call.reason());
        case serving::HttpEnd::kTimedOut:
            return timed_out(options.timeout);
        case serving::HttpEnd::kUnanswered:
            return unanswered(call.reason());
        case serving::HttpEnd::kCut:
            return connection_lost(call.reason());
        case serving::HttpEnd::kTooLarge:
            return std::nullopt;
        case serving::HttpEnd::kAnswered:
            if (call.status() < 300) return std::nullopt;
            return classify({.status = call.status(),
                             .body = call.body(),
                             .retry_after = call.retry_after(),
                             .took = call.took()});
    }
    CHECK(false);
}

}  // namespace

serving::HttpRequest make_request(const OipOptions& options, std::string url,
                                  const std::string& content_type) {
    return {.url = std::move(url),
            .headers = serving::make_headers(options.api_key, content_type),
            .connect = {.timeout = options.connect_timeout, .ca_file = options.ca_file},
            .timeout = options.timeout};
}

std::optional<ServerError> error_of(serving::HttpEnd end, const serving::HttpCall& call,
                                    const OipOptions& options) {
    auto error = plain_error_of(end, call, options);
    if (error) serving::redact(error->outcome.error_message, options.api_key);
    return error;
}

}  // namespace millrace::backends::oip

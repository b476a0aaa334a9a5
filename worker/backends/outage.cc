#include "worker/backends/outage.h"

#include <algorithm>

namespace millrace::worker {

bool is_of_a_gateway(long status) {
    return status == 408 || status == 502 || status == 504 || (status >= 520 && status <= 524) ||
           status == 530;
}

bool is_page(std::string_view body) {
    constexpr std::string_view kSkipped = " \r\n\t\xEF\xBB\xBF";  // And a byte order mark.
    const auto first = body.find_first_not_of(kSkipped);
    return first != std::string_view::npos && body[first] == '<';
}

Outcome waited_out(Outcome outcome, int attempt) {
    if (attempt >= kOutageAttemptsMax) {
        outcome.kind = OutcomeKind::kRetryable;
        return outcome;
    }
    outcome.kind = OutcomeKind::kRateLimited;
    const auto rest = std::min<milliseconds>(kOutageRestStep * (attempt - 1), kOutageRestMax);
    if (rest > milliseconds(0)) {
        outcome.retry_after = std::max(rest, outcome.retry_after.value_or(rest));
    }
    return outcome;
}

}  // namespace millrace::worker

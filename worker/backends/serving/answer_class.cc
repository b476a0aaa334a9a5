#include "worker/backends/serving/answer_class.h"

#include "common/base/check.h"

namespace millrace::backends::serving {
namespace {

bool gave_up_waiting(long status, milliseconds took) {
    return (status == 408 || status == 504 || status == 524) && took >= kGatewayPatienceMin;
}

}  // namespace

bool is_of_a_gateway(long status) {
    return status == 408 || status == 502 || status == 504 || (status >= 520 && status <= 524) ||
           status == 530;
}

AnswerClass class_of(long status, milliseconds took) {
    if (status == 429 || status == 503 || status == 529) return AnswerClass::kCapacity;
    if (gave_up_waiting(status, took)) return AnswerClass::kGaveUp;
    if (is_of_a_gateway(status)) return AnswerClass::kOutage;
    if (status == 409 || status == 425) return AnswerClass::kTransient;
    // The server lacks this ability, so a retry cannot succeed.
    if (status == 501 || status == 505) return AnswerClass::kPermanent;
    return status >= 500 ? AnswerClass::kTransient : AnswerClass::kPermanent;
}

OutcomeKind kind_of(AnswerClass what) {
    switch (what) {
        case AnswerClass::kCapacity:
        case AnswerClass::kOutage:
            return OutcomeKind::kRateLimited;
        case AnswerClass::kGaveUp:
        case AnswerClass::kTransient:
            return OutcomeKind::kRetryable;
        case AnswerClass::kPermanent:
            return OutcomeKind::kPermanent;
    }
    CHECK(false);
}

bool refuses_the_key(long status) {
    return status == 401;
}

void rest_as_asked(Outcome& outcome, std::optional<milliseconds> asked) {
    if (outcome.kind == OutcomeKind::kRateLimited) outcome.retry_after = asked;
}

}  // namespace millrace::backends::serving

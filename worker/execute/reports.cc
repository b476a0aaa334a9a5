#include "worker/execute/reports.h"

#include <utility>

#include "common/base/text.h"
#include "common/telemetry/telemetry.h"

namespace millrace::execute {

using telemetry::Metric;

namespace {

// Bounds for text of servers and programs, which may be a whole page or traceback.
constexpr std::size_t kCodeBytesMax = 64;
constexpr std::size_t kMessageBytesMax = 4096;

std::string bounded(std::string_view text, std::size_t bytes_max) {
    return storable(std::string(beginning(text, bytes_max)));
}

// The kind of the outcome does not change, whatever its text.
Outcome storable_outcome(Outcome outcome) {
    outcome.output_json = storable(std::move(outcome.output_json));
    outcome.error_code = bounded(outcome.error_code, kCodeBytesMax);
    outcome.error_message = bounded(outcome.error_message, kMessageBytesMax);
    return outcome;
}

Outcome within_limit(Outcome outcome, std::size_t output_bytes_max) {
    const auto size = outcome.output_json.size();
    if (outcome.kind != OutcomeKind::kCompleted || size <= output_bytes_max) return outcome;
    return {.kind = OutcomeKind::kPermanent,
            .error_code = "output_too_large",
            .error_message = "the output has " + std::to_string(size) + " bytes, more than the " +
                             std::to_string(output_bytes_max) +
                             " that worker.output_bytes_max allows",
            .usage = outcome.usage};
}

}  // namespace

void Reports::partial(const AttemptKey& key, WorkerId worker, std::string_view text) {
    if (is_storable(text)) {
        outputs_.append(key, worker, text);
    } else {
        outputs_.append(key, worker, storable(std::string(text)));
    }
}

void Reports::progress(const AttemptKey& key, WorkerId worker, double fraction,
                       std::string_view message) {
    outputs_.progress(key, worker, fraction, bounded(message, kMessageBytesMax));
}

void Reports::finished(const std::string& backend, std::chrono::nanoseconds took,
                       EndedAttempt attempt) {
    const auto& outcome = attempt.outcome;
    telemetry::count<Metric::kAttempts>(1, backend, name(outcome.kind));
    telemetry::observe<Metric::kExecutionSeconds>(took, backend);
    if (const auto tokens = outcome.usage.prompt_tokens.value_or(0); tokens > 0) {
        telemetry::count<Metric::kPromptTokens>(tokens, backend);
    }
    if (const auto tokens = outcome.usage.completion_tokens.value_or(0); tokens > 0) {
        telemetry::count<Metric::kGeneratedTokens>(tokens, backend);
    }
    ended(std::move(attempt));
}

void Reports::ended(EndedAttempt attempt) {
    attempt.sequence = outputs_.end(attempt.claim.key);
    attempt.outcome = within_limit(storable_outcome(std::move(attempt.outcome)), output_bytes_max_);
    ended_.add(std::move(attempt));
}

}  // namespace millrace::execute

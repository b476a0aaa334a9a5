// The reports of the backends to the executor. The text of models, servers and programs enters
// here, from every backend; all text that goes on from here can be stored (common/base/text.h).
#include <utility>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/telemetry/telemetry.h"
#include "worker/execute/executor.h"

namespace millrace::worker {

using telemetry::Metric;

namespace {

// Limits of an error and of a progress message; a server's page or a program's traceback is longer.
constexpr std::size_t kCodeBytesMax = 64;
constexpr std::size_t kTextBytesMax = 4096;

std::string bounded(std::string text, std::size_t bytes_max) {
    if (text.size() > bytes_max) text.resize(beginning(text, bytes_max).size());
    return storable(std::move(text));
}

// The kind of the outcome does not change, whatever its text.
Outcome storable_outcome(Outcome outcome) {
    outcome.output_json = storable(std::move(outcome.output_json));
    outcome.error_code = bounded(std::move(outcome.error_code), kCodeBytesMax);
    outcome.error_message = bounded(std::move(outcome.error_message), kTextBytesMax);
    return outcome;
}

void count(const std::string& backend, const Outcome& outcome, telemetry::Seconds elapsed) {
    telemetry::count<Metric::kAttempts>(1, backend, name(outcome.kind));
    telemetry::observe<Metric::kExecutionSeconds>(elapsed, backend);
    if (const auto tokens = outcome.usage.prompt_tokens.value_or(0); tokens > 0) {
        telemetry::count<Metric::kPromptTokens>(static_cast<double>(tokens), backend);
    }
    if (const auto tokens = outcome.usage.completion_tokens.value_or(0); tokens > 0) {
        telemetry::count<Metric::kGeneratedTokens>(static_cast<double>(tokens), backend);
    }
}

}  // namespace

void Executor::partial(const AttemptKey& key, std::string_view text) {
    WorkerId worker;
    {
        const std::lock_guard lock(mutex_);
        const auto* held = find_locked(key);
        if (held == nullptr || held->phase != Phase::kRunning || held->replaced) return;
        worker = held->worker;
    }
    if (is_storable(text)) {
        outputs_.append(key, worker, text);
    } else {
        outputs_.append(key, worker, storable(std::string(text)));
    }
}

void Executor::progress(const AttemptKey& key, double fraction, std::string_view message) {
    WorkerId worker;
    {
        const std::lock_guard lock(mutex_);
        auto* held = find_locked(key);
        if (held == nullptr || held->phase != Phase::kRunning || held->replaced) return;
        worker = held->worker;
        held->fraction = fraction;
    }
    outputs_.progress(key, worker, fraction, bounded(std::string(message), kTextBytesMax));
}

void Executor::finished(const AttemptKey& key, Outcome outcome) {
    outcome = storable_outcome(std::move(outcome));
    std::optional<EndedAttempt> attempt;
    BackendIndex backend = 0;
    bool slot_is_free = false;
    MonoTime started;
    {
        const std::lock_guard lock(mutex_);
        auto* held = find_locked(key);
        if (held == nullptr || held->phase != Phase::kRunning) {
            log_error("a backend reported an attempt that it does not run",
                      {{"job", key.job.str()}, {"epoch", key.epoch}});
            return;
        }
        backend = held->backend;
        const bool completed = outcome.kind == OutcomeKind::kCompleted;
        slot_is_free = stations_[backend].finish(held->slot, completed, clock_.now());
        started = held->started;
        if (held->replaced) {
            free_locked(*held);
            replaced_.erase(key);
        } else {
            held->phase = Phase::kSettling;
            attempt = {
                .worker = held->worker, .job = std::move(held->job), .outcome = std::move(outcome)};
            held->job.key = key;
        }
    }
    if (attempt) {
        count(stations_[backend].info().name, attempt->outcome, clock_.now() - started);
        end(key, *std::move(attempt));
    } else {
        outputs_.end(key);
        if (on_free_) on_free_();
    }
    if (slot_is_free) start_ready(backend);
}

void Executor::end(const AttemptKey& key, EndedAttempt attempt) {
    attempt.sequence = outputs_.end(key);
    attempt.outcome = within_limits(std::move(attempt.outcome));
    ended_.add(std::move(attempt));
}

Outcome Executor::within_limits(Outcome outcome) const {
    const auto size = outcome.output_json.size();
    if (outcome.kind != OutcomeKind::kCompleted || size <= options_.output_bytes_max) {
        return outcome;
    }
    return {.kind = OutcomeKind::kPermanent,
            .error_code = "output_too_large",
            .error_message = "the output has " + std::to_string(size) + " bytes, more than the " +
                             std::to_string(options_.output_bytes_max) +
                             " that worker.output_bytes_max allows",
            .usage = outcome.usage};
}

}  // namespace millrace::worker

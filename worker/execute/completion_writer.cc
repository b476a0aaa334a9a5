#include "worker/execute/completion_writer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/log.h"
#include "common/telemetry/telemetry.h"
#include "worker/backends/backend.h"

namespace millrace::execute {

using telemetry::Metric;

namespace {

std::size_t bytes_of(const storage::SettledAttempt& attempt) {
    return attempt.outcome.output_json.size() + attempt.settlement.error_code.size() +
           attempt.settlement.error_message.size();
}

}  // namespace

CompletionWriter::CompletionWriter(storage::JobStore& store, EndedAttempts& ended,
                                   Executor& executor, EventStream& events, const Clock& clock,
                                   Random& random, CompletionWriterOptions options)
    : store_(store),
      ended_(ended),
      executor_(executor),
      events_(events),
      clock_(clock),
      random_(random),
      options_(options) {}

void CompletionWriter::hand_back(WorkerId worker, const AttemptKey& key) {
    const MutexLock lock(mutex_);
    handed_back_.emplace_back(worker, key);
}

bool CompletionWriter::step() {
    collect();
    if (batches_.empty() || clock_.now() < retry_at_) return false;
    // A copy would cost as much as the outputs, so the batch stays in the queue until it is
    // settled.
    const auto& batch = batches_.front();
    const auto sent = clock_.now();
    const auto replies = store_.job_settle(batch.worker, batch.attempts);
    telemetry::observe<Metric::kCompletionSeconds>(clock_.now() - sent);
    telemetry::observe_size<Metric::kCompletionBatchJobs>(batch.attempts.size());
    if (replies.has_value()) {
        if (failures_ > 0) log_info("outcomes are written again");
        failures_ = 0;
        acknowledge(batch, *replies);
        batches_.pop_front();
    } else if (replies.error().code == ErrorCode::kDataCorrupt) {
        auto guilty = std::move(batches_.front());
        batches_.pop_front();
        bisect(std::move(guilty));
    } else {
        fail(replies.error());
        return false;
    }
    collect();
    return !batches_.empty();
}

void CompletionWriter::collect() {
    for (auto& ended : ended_.take()) {
        auto settlement =
            settle(ended.outcome, ended.claim, ended.terms.policy, options_.job_backoff, random_);
        append(ended.worker,
               {.key = ended.claim.key,
                .settlement = std::move(settlement),
                .outcome = std::move(ended.outcome)},
               {.sequence = ended.sequence,
                .queue = std::move(ended.terms.queue),
                .priority = ended.terms.priority});
    }
    std::vector<std::pair<WorkerId, AttemptKey>> handed_back;
    {
        const MutexLock lock(mutex_);
        handed_back = std::exchange(handed_back_, {});
    }
    for (const auto& [worker, key] : handed_back) {
        append(worker,
               {.key = key,
                .settlement = {.next = JobState::kQueued},
                .outcome = backends::aborted_outcome(backends::AbortReason::kInterrupted)},
               {});
    }
    std::size_t waiting = 0;
    for (const auto& batch : batches_) waiting += batch.attempts.size();
    telemetry::set<Metric::kOutcomesWaiting>(waiting);
}

void CompletionWriter::append(WorkerId worker, storage::SettledAttempt attempt, Pending pending) {
    // Never added to the front batch while that is in doubt: it must be sent again unchanged.
    const bool front_is_sent = failures_ > 0 && batches_.size() == 1;
    const auto bytes = bytes_of(attempt);
    if (batches_.empty() || front_is_sent || batches_.back().worker != worker ||
        batches_.back().attempts.size() >= options_.batch_max ||
        batches_.back().bytes + bytes > options_.batch_bytes_max) {
        batches_.push_back({.worker = worker, .attempts = {}, .pending = {}});
    }
    batches_.back().bytes += bytes;
    batches_.back().attempts.push_back(std::move(attempt));
    batches_.back().pending.push_back(std::move(pending));
}

void CompletionWriter::acknowledge(const Batch& batch,
                                   const std::vector<storage::SettledReply>& replies) {
    std::vector<AttemptKey> keys;
    std::vector<wire::Event> events;
    std::size_t refused = 0;
    keys.reserve(replies.size());
    events.reserve(replies.size());
    for (std::size_t i = 0; i < replies.size(); ++i) {
        const auto& reply = replies[i];
        keys.push_back(reply.key);
        if (!reply.accepted) {
            ++refused;
            continue;
        }
        const auto& pending = batch.pending[i];
        auto& event = events.emplace_back();
        event.key = reply.key;
        event.sequence = pending.sequence;
        if (info(reply.state).is_final) {
            event.what = wire::Finished{.state = reply.state};
            continue;
        }
        const auto& settlement = batch.attempts[i].settlement;
        event.what = wire::Requeued{.state = reply.state,
                                    .error_code = settlement.error_code,
                                    .error_message = settlement.error_message};
        if (reply.state == JobState::kQueued && !pending.queue.empty()) {
            events_.dispatch(reply.key.job, pending.queue, pending.priority);
        }
    }
    if (refused > 0) {
        telemetry::count<Metric::kOutcomesRefused>(refused);
        log_warning("outcomes were dropped: their jobs no longer belong to this worker",
                    {{"jobs", refused}, {"worker", batch.worker.str()}});
    }
    executor_.release(keys);
    events_.add(std::move(events));
}

void CompletionWriter::fail(const Error& error) {
    if (failures_++ == 0) {
        const auto level =
            error_info(error.code).retryable || error.code == ErrorCode::kOutcomeUnknown
                ? LogLevel::kWarning
                : LogLevel::kError;
        log(level, "outcomes cannot be written; they keep their slots until PostgreSQL takes them",
            {{"error", to_string(error)}});
    }
    retry_at_ = clock_.now() + backoff_delay(options_.store_backoff, failures_, random_);
}

// An output that cannot be stored makes the attempt fail; a failure only gets another message, and
// another code if need be.
void CompletionWriter::replace(storage::SettledAttempt& attempt) {
    log_warning("an outcome cannot be stored; an error is stored instead",
                {{"job", attempt.key.job.str()}});
    auto& outcome = attempt.outcome;
    auto& settlement = attempt.settlement;
    if (outcome.kind == OutcomeKind::kCompleted) {
        outcome = {.kind = OutcomeKind::kPermanent,
                   .error_code = "invalid_output",
                   .error_message = "the model's output cannot be stored as text",
                   .usage = outcome.usage};
        settlement = {.next = JobState::kFailed,
                      .counts_as_failure = true,
                      .error_code = outcome.error_code,
                      .error_message = outcome.error_message};
        return;
    }
    const auto is_plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    };
    if (!std::ranges::all_of(settlement.error_code, is_plain)) {
        settlement.error_code = std::string(name(outcome.kind));
    }
    settlement.error_message = "the failure's message cannot be stored as text";
}

void CompletionWriter::bisect(Batch batch) {
    if (batch.attempts.size() > 1) {
        Batch rest{.worker = batch.worker, .attempts = {}, .pending = {}};
        const auto half = static_cast<std::ptrdiff_t>(batch.attempts.size() / 2);
        rest.attempts.assign(std::make_move_iterator(batch.attempts.begin() + half),
                             std::make_move_iterator(batch.attempts.end()));
        rest.pending.assign(std::make_move_iterator(batch.pending.begin() + half),
                            std::make_move_iterator(batch.pending.end()));
        for (const auto& attempt : rest.attempts) rest.bytes += bytes_of(attempt);
        batch.bytes -= rest.bytes;
        batch.attempts.erase(batch.attempts.begin() + half, batch.attempts.end());
        batch.pending.erase(batch.pending.begin() + half, batch.pending.end());
        batches_.push_front(std::move(rest));
        batches_.push_front(std::move(batch));
        return;
    }
    auto& attempt = batch.attempts.front();
    if (std::exchange(batch.pending.front().replaced_outcome, true)) {
        log_error(
            "neither an outcome nor an error instead of it can be stored; the keeper ends "
            "the job at its deadline",
            {{"job", attempt.key.job.str()}});
        executor_.release(std::vector{attempt.key});
        return;
    }
    replace(attempt);
    batches_.push_front(std::move(batch));
}

}  // namespace millrace::execute

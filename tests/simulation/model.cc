#include "tests/simulation/model.h"

#include <utility>

#include "worker/backends/outcomes.h"

namespace millrace::simulation {

using backends::failed_outcome;

namespace {

constexpr seconds kHangMax{10};

}  // namespace

Model::Model(Process& process, const Weather::Model& weather, backends::BackendInfo info,
             std::function<void(const ClaimedJob&)> on_start)
    : process_(process),
      world_(process.world()),
      weather_(weather),
      info_(std::move(info)),
      on_start_(std::move(on_start)) {}

Status Model::start(backends::ExecutionSink& sink) {
    sink_ = &sink;
    return ok();
}

void Model::stop() {
    while (!running_.empty()) {
        end(*running_.begin(), backends::aborted_outcome(backends::AbortReason::kInterrupted));
    }
}

void Model::run(std::vector<backends::Execution> batch) {
    for (const auto& execution : batch) running_.insert(execution.job.key);
    for (const auto& execution : batch) begin(execution.job);
}

void Model::begin(const ClaimedJob& job) {
    on_start_(job);
    if (job.spec.input_json == kPoison) {
        process_.after(world_.between(milliseconds(1), milliseconds(300)), [this] {
            world_.say(process_.name(), "crashes of a poisonous job");
            process_.kill();
        });
        return;
    }
    const auto key = job.key;
    // A job with a long timeout would hang beyond the end of the simulation.
    if (job.remaining < kHangMax && world_.chance(weather_.hangs)) return;
    const auto duration = world_.between(milliseconds(5), milliseconds(800));
    process_.after(duration / 2, [this, key] {
        if (running_.contains(key)) sink_->partial(key, "half ");
    });
    end_after(duration, key, draw_outcome());
}

Outcome Model::draw_outcome() {
    if (world_.chance(weather_.retryable)) {
        return failed_outcome(OutcomeKind::kRetryable, "model_error", "once more");
    }
    if (world_.chance(weather_.permanent)) {
        return failed_outcome(OutcomeKind::kPermanent, "invalid_input", "never");
    }
    if (world_.chance(weather_.rate_limited)) {
        auto outcome = failed_outcome(OutcomeKind::kRateLimited, "rate_limited", "later");
        outcome.retry_after = milliseconds(500);
        return outcome;
    }
    return {.kind = OutcomeKind::kCompleted, .output_json = R"("whole")"};
}

void Model::abort(const AttemptKey& key, backends::AbortReason reason) {
    const bool stubborn = world_.chance(weather_.stubborn);
    const auto delay = world_.between(microseconds(0), stubborn ? seconds(2) : milliseconds(20));
    const bool completes = stubborn && world_.chance(0.3);
    end_after(delay, key, completes ? draw_outcome() : backends::aborted_outcome(reason));
}

void Model::end_after(microseconds delay, const AttemptKey& key, Outcome outcome) {
    process_.after(delay, [this, key, outcome = std::move(outcome)] { end(key, outcome); });
}

void Model::end(AttemptKey key, Outcome outcome) {
    if (running_.erase(key) > 0) sink_->finished(key, std::move(outcome));
}

}  // namespace millrace::simulation

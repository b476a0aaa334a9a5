#include "worker/backends/synthetic/synthetic_backend.h"

#include <algorithm>
#include <csignal>
#include <queue>
#include <unordered_map>
#include <utility>

#include "common/base/check.h"
#include "common/runtime/thread.h"
#include "worker/backends/batch_key.h"
#include "worker/backends/completion.h"
#include "worker/backends/inbox.h"
#include "worker/backends/outcomes.h"
#include "worker/backends/synthetic/behaviour.h"

namespace millrace::backends::synthetic {
namespace {

constexpr const char* kNoFaults =
    "'synthetic.fail' may be 'crash' or 'hang' only where backend.synthetic.faults is true";

struct Running {
    Execution execution;
    SyntheticJob job;
    SyntheticOutput output;
    MonoTime started;
    MonoTime ends;  // MonoTime::max() for a job that hangs.
    int partials_sent = 0;

    const AttemptKey& key() const { return execution.job.key; }
    bool fails() const { return job.behaviour.fails(execution.job.attempt); }

    // The last partial is due when the time is over.
    MonoTime partial_due(int index) const {
        return started + (ends - started) * (index + 1) / job.behaviour.partials;
    }
    MonoTime next_event() const {
        const auto partial = partials_sent < partials() ? partial_due(partials_sent) : ends;
        return std::min(partial, execution.deadline);
    }
    // A job that hangs sends nothing, and only text has pieces.
    int partials() const {
        return ends == MonoTime::max() || output.text.empty() ? 0 : job.behaviour.partials;
    }
};

struct Timer {
    MonoTime at;
    AttemptKey key;
    bool operator>(const Timer& other) const { return at > other.at; }
};

std::string_view piece_of(std::string_view text, int index, int pieces) {
    const auto cut = [&](int i) {
        return text.size() * static_cast<std::size_t>(i) / static_cast<std::size_t>(pieces);
    };
    return text.substr(cut(index), cut(index + 1) - cut(index));
}

}  // namespace

// All state of running jobs; only the backend's thread touches it.
class SyntheticBackend::Loop {
 public:
    Loop(const SyntheticOptions& options, ExecutionSink& sink)
        : options_(options),
          sink_(sink),
          jitter_state_(options.seed),
          thread_("synthetic", [this](const std::stop_token&) { loop(); }) {}
    ~Loop() { inbox_.close(); }

    void stop() {
        inbox_.close();
        thread_.join();
    }
    void run(std::vector<Execution> batch) {
        if (!inbox_.post(batch)) refuse(sink_, batch);
    }
    void abort(const Inbox::Abort& abort) { inbox_.post(abort); }

 private:
    void loop() {
        for (bool closed = false; !closed;) {
            auto news = inbox_.wait(timers_.empty() ? MonoTime::max() : timers_.top().at);
            closed = news.closed;
            for (auto& batch : news.batches) begin(std::move(batch));
            for (const auto& [key, reason] : news.aborts) end(key, aborted_outcome(reason));
            fire_timers();
        }
        while (!running_.empty()) {
            end(running_.begin()->first, aborted_outcome(AbortReason::kInterrupted));
        }
    }

    void begin(std::vector<Execution> batch) {
        const auto now = system_clock().now();
        const auto cost = batch_cost(batch.size());
        std::vector<Running> started;
        milliseconds extra{0};
        for (auto& execution : batch) {
            auto job = parse_synthetic(execution.job.spec.input_json);
            if (!job.has_value()) {
                sink_.finished(execution.job.key, invalid_input(job.error().message));
                continue;
            }
            if (job->behaviour.harms_others() && !options_.has_faults) {
                sink_.finished(execution.job.key, invalid_input(kNoFaults));
                continue;
            }
            extra = std::max(extra, job->behaviour.extra);
            started.push_back({.execution = std::move(execution), .job = *std::move(job)});
            started.back().started = now;
        }
        for (auto& item : started) {
            const bool hangs = item.fails() && item.job.behaviour.fault == SyntheticFault::kHang;
            item.ends = hangs ? MonoTime::max() : now + cost + extra;
            if (!item.fails()) {
                const auto& input = item.execution.job.spec.input_json;
                item.output = make_output(item.job, stable_hash(options_.seed, input));
            }
            // A job that costs nothing is over at once, without a timer.
            if (advance(item, now)) continue;
            timers_.push({item.next_event(), item.key()});
            const auto key = item.key();
            running_.emplace(key, std::move(item));
        }
    }

    std::chrono::nanoseconds batch_cost(std::size_t items) {
        const auto cost = options_.base + options_.per_item * static_cast<std::int64_t>(items);
        if (options_.jitter == 0) return cost;
        jitter_state_ = stable_hash(jitter_state_, "jitter");
        const auto unit = static_cast<double>(jitter_state_ >> 11) * 0x1.0p-53;
        const auto factor = 1 + options_.jitter * (2 * unit - 1);
        return std::chrono::duration_cast<std::chrono::nanoseconds>(cost * factor);
    }

    void fire_timers() {
        while (!timers_.empty() && timers_.top().at <= system_clock().now()) {
            const auto key = timers_.top().key;
            timers_.pop();
            const auto found = running_.find(key);
            if (found == running_.end()) continue;
            if (advance(found->second, system_clock().now())) {
                running_.erase(key);
            } else {
                timers_.push({found->second.next_event(), key});
            }
        }
    }

    // Does what is due by `now`. Returns true if the attempt was reported.
    bool advance(Running& item, MonoTime now) {
        while (item.partials_sent < item.partials() &&
               item.partial_due(item.partials_sent) <= now) {
            const int index = item.partials_sent++;
            const int pieces = item.partials();
            const auto piece = piece_of(item.output.text, index, pieces);
            if (!piece.empty()) sink_.partial(item.key(), piece);
            sink_.progress(item.key(), static_cast<double>(index + 1) / pieces, {});
        }
        if (item.ends <= now) {
            sink_.finished(item.key(), outcome_of(item));
            return true;
        }
        if (item.execution.deadline <= now) {
            sink_.finished(item.key(), aborted_outcome(AbortReason::kDeadline));
            return true;
        }
        return false;
    }

    Outcome outcome_of(const Running& item) {
        if (item.fails()) {
            switch (item.job.behaviour.fault) {
                case SyntheticFault::kRetryable:
                    return failed_outcome(OutcomeKind::kRetryable, "synthetic_failure",
                                          "the job asked for a retryable failure");
                case SyntheticFault::kPermanent:
                    return failed_outcome(OutcomeKind::kPermanent, "synthetic_failure",
                                          "the job asked for a permanent failure");
                case SyntheticFault::kCrash:
                    std::raise(SIGKILL);
                    break;
                case SyntheticFault::kHang:
                case SyntheticFault::kNone:
                    break;
            }
            CHECK(false);
        }
        const auto& request = item.job.request;
        const auto& spec = item.execution.job.spec;
        const auto& output = item.output;
        if (request.kind == RequestKind::kEmbeddings) {
            return {.kind = OutcomeKind::kCompleted,
                    .output_json = embeddings_json(spec.model, output.vectors, output.usage),
                    .usage = output.usage};
        }
        return {.kind = OutcomeKind::kCompleted,
                .output_json = completion_json({.kind = request.kind,
                                                .id = item.key().job.str(),
                                                .model = spec.model,
                                                .text = output.text,
                                                .finish_reason = output.finish_reason,
                                                .usage = output.usage},
                                               system_clock().wall()),
                .usage = output.usage};
    }

    // By value: the key may be the one in the map.
    void end(AttemptKey key, Outcome outcome) {
        if (running_.erase(key) > 0) sink_.finished(key, std::move(outcome));
    }

    const SyntheticOptions& options_;
    ExecutionSink& sink_;
    Inbox inbox_;

    std::uint64_t jitter_state_;
    std::unordered_map<AttemptKey, Running, AttemptKeyHash> running_;
    // Exactly one for each running attempt; timers of ended attempts are skipped when they fire.
    std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;

    runtime::Thread thread_;  // Last: it uses all of the above.
};

SyntheticBackend::SyntheticBackend(SyntheticOptions options) : options_(std::move(options)) {
    CHECK(options_.slots >= 1 && options_.batch_max >= 1);
    CHECK(options_.jitter >= 0 && options_.jitter <= 1);
}

SyntheticBackend::~SyntheticBackend() {
    stop();
}

Status SyntheticBackend::start(ExecutionSink& sink) {
    CHECK(!loop_);
    loop_ = std::make_unique<Loop>(options_, sink);
    return ok();
}

void SyntheticBackend::stop() {
    if (loop_) loop_->stop();
}

BackendInfo SyntheticBackend::info() const {
    return {.name = "synthetic",
            .models = options_.models,
            .slots = options_.slots,
            .batch_max = options_.batch_max,
            .is_preemptible = options_.batch_max == 1,
            .is_stand_in = true};
}

std::string SyntheticBackend::batch_key(const JobSpec& spec) const {
    return batch_key_of(spec, behaviour_key(spec.input_json), spec.input_json.size());
}

void SyntheticBackend::run(std::vector<Execution> batch) {
    CHECK(loop_);
    loop_->run(std::move(batch));
}

void SyntheticBackend::abort(const AttemptKey& key, AbortReason reason) {
    CHECK(loop_);
    loop_->abort({key, reason});
}

}  // namespace millrace::backends::synthetic

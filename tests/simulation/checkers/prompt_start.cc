// Invariant 6: while a job is queued, no worker that could run it stays idle for longer than the
// steal bound, whatever became of the job's message.
#include <algorithm>

#include "tests/simulation/checkers/checkers.h"
#include "tests/simulation/worker_process.h"

namespace millrace::simulation {
namespace {

// Allows for the ticks of slow machines, calls on their way, and the time between glances.
constexpr milliseconds kSlack{1000};

class PromptStart : public Checker {
 public:
    using Checker::Checker;

    void changed(const Change& change) override {
        const auto& job = change.after;
        if (change.cause == Cause::kRescue) ++losses_[job.id];
        if (change.cause == Cause::kSettle || change.cause == Cause::kOverdue) losses_[job.id] = 0;
        if (job.state != JobState::kQueued) {
            queued_.erase(job.id);
        } else if (change.before == nullptr || change.before->state != JobState::kQueued) {
            queued_[job.id] = history().world().now();
        }
    }

    void claimed(WorkerId worker, const Claim&) override { claimed_.insert(worker); }

    // PostgreSQL measures the ages: a clock that was set back makes jobs seem younger.
    void clock_stepped() override { steady_from_ = history().world().now() + seconds(3); }

    void looked(const std::vector<WorkerGlance>& workers) override {
        const auto now = history().world().now();
        for (const auto& worker : workers) {
            auto& idle_since = idle_since_.try_emplace(worker.process, now).first->second;
            const bool is_idle = worker.is_ready && worker.free > 0 &&
                                 !claimed_.contains(worker.worker) && now >= steady_from_;
            if (!is_idle) idle_since = now;
            for (const auto& [id, since] : queued_) {
                const auto waited = now - std::max(since, idle_since);
                if (waited <= kStealBound + kSlack || !may_run(worker, id)) continue;
                history().violated(
                    "6", fmt::format("{} is queued and process {} idle for {} ms", id.str(),
                                     worker.process,
                                     std::chrono::duration_cast<milliseconds>(waited).count()));
                return;
            }
        }
        claimed_.clear();
    }

 private:
    // Jobs whose time ran out wait for a keeper, not for a worker; jobs that may be confined for a
    // heartbeat.
    bool may_run(const WorkerGlance& worker, JobId id) {
        if (losses_[id] >= kLossesMax - 1) return false;
        const auto& terms = history().submitted(id).terms;
        if (terms.policy.ttl || terms.policy.start_within) return false;
        return std::ranges::find(worker.models, terms.model) != worker.models.end();
    }

    std::map<JobId, MonoTime> queued_;
    std::map<JobId, int> losses_;  // In a row, at most.
    std::map<int, MonoTime> idle_since_;
    std::set<WorkerId> claimed_;  // The workers that claimed since the last look.
    MonoTime steady_from_ = MonoTime::min();
};

}  // namespace

void add_prompt_start(History& history) {
    history.add(std::make_unique<PromptStart>(history));
}

}  // namespace millrace::simulation

// Turns free slots into running jobs: picks candidates by lane shares, claims them in one
// statement, and passes the claimed jobs to the executor. If no slot is free, it has less urgent
// jobs stopped for more urgent ones. It steals jobs whose messages are missing, and reconciles with
// the store after a claim whose reply was lost.
//
// A confined job, whose last workers were lost with it, runs with nothing beside it. For that the
// worker first finishes what it has. After a confined job it claims others, until the next
// heartbeat says that another one waits.
//
// All this happens here, one after the other, because a reconciliation that overtakes a
// claim would hand back what was just claimed. Nothing happens without a live lease.
//
// Threads:   stop() and want_reconcile() from any thread; step() has one caller at a time.
// Blocks:    step(), in calls of the store.
#pragma once

#include <atomic>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/storage/job_store.h"
#include "worker/consume/offset_tracker.h"
#include "worker/execute/completion_writer.h"
#include "worker/execute/executor.h"
#include "worker/execute/lease.h"
#include "worker/execute/stealer.h"
#include "worker/schedule/lanes.h"
#include "worker/schedule/model_table.h"
#include "worker/schedule/shares.h"

namespace millrace::execute {

struct ClaimerOptions {
    std::size_t batch_max = 500;  // Jobs in one claim; raised to the largest batch of a backend.
    std::vector<schedule::LaneShare> shares;  // One per lane.
    schedule::ShareRules share_rules;
    milliseconds preempt_after{250};  // A job's wait before it stops a less urgent one.
    StealerOptions steal;
    BackoffPolicy store_backoff{.base = milliseconds(100), .max = milliseconds(5000)};
};

class Claimer {
 public:
    Claimer(storage::JobStore& store, const Lease& lease, schedule::Lanes& lanes,
            consume::OffsetTracker& offsets, const consume::LaneHints& hints,
            const schedule::ModelTable& models, Executor& executor, CompletionWriter& completions,
            const Clock& clock, Random& random, ClaimerOptions options);

    // Does one round of the work that can be done now. True if another round may do more.
    bool step();

    // Claims nothing from now on. A statement under way is completed.
    void stop() { stopped_ = true; }
    bool is_stopped() const { return stopped_; }
    // The store may count attempts as this worker's that it does not hold.
    void want_reconcile() { reconcile_wanted_ = true; }
    // Whether a confined job waits for this worker, which then claims nothing until it holds
    // nothing, and next that job.
    void make_way(bool wanted) { makes_way_ = wanted; }
    // Whether it claims nothing because of a confined job. For the caller of step().
    bool is_confining() const;

 private:
    // One kind of call of the store, which is tried again after pauses while it fails.
    struct Tries {
        std::string_view fails;  // The messages for the log.
        std::string_view works_again;
        int failures = 0;  // In a row.
        MonoTime next_at;
    };

    Result<bool> round(WorkerId worker);
    bool steal(WorkerId worker);  // True if there may be more.
    // Notes whether a call worked. Returns whether it may do more at once.
    bool judge(const Result<bool>& more, Tries& tries);
    Status reconcile(WorkerId worker);
    // Claims a confined job if one waits and no other is held.
    Status confine(WorkerId worker);
    Status read_specs();
    Result<bool> claim(WorkerId worker);
    // Lets lanes that have waited too long go first.
    void age_lanes();
    std::vector<schedule::Candidate> pick();
    // Stops less urgent jobs if nothing can be claimed for waiting jobs.
    void preempt();
    bool preempt_for(schedule::LaneIndex urgent, schedule::BackendIndex backend);
    void start(WorkerId worker, MonoTime sent, std::vector<schedule::Candidate> picked,
               const std::vector<Claim>& claims);

    storage::JobStore& store_;
    const Lease& lease_;
    schedule::Lanes& lanes_;
    consume::OffsetTracker& offsets_;
    const consume::LaneHints& hints_;
    const schedule::ModelTable& models_;
    Executor& executor_;
    CompletionWriter& completions_;
    const Clock& clock_;
    Random& random_;
    const ClaimerOptions options_;

    std::atomic<bool> stopped_ = false;
    std::atomic<bool> reconcile_wanted_ = false;
    std::atomic<bool> makes_way_ = false;
    // Used only by the caller of step().
    std::vector<schedule::Shares> shares_;  // One per backend.
    Stealer stealer_;
    std::optional<AttemptKey> confined_;  // May be over.
    Tries claiming_{"jobs cannot be claimed; trying again", "jobs are claimed again"};
    Tries stealing_{"jobs cannot be stolen; trying again", "jobs are stolen again"};
};

}  // namespace millrace::execute

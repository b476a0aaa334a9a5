// The attempts that this worker holds, from the claim until the outcome is written:
//
//   ready ─► running ─► settling ─► erased
//
// A job has one current attempt. If it is claimed again meanwhile, this worker lost that attempt
// without notice: it is set aside, and found only by its key, until its backend is done with it or
// its outcome is refused. It keeps its place until then. Bounded by what the executor lets be
// claimed (Load): every attempt in here takes one of those places.
//
// Threads:   plain values; one caller at a time (the executor, under its lock).
// Blocks:    never.
// Errors:    none; what is not held is not found.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "common/job/job.h"
#include "common/job/outcome.h"
#include "worker/execute/ended_attempts.h"
#include "worker/schedule/candidate.h"

namespace millrace::execute {

struct Attempt {
    enum class Phase {
        kReady,     // Waits for a slot.
        kRunning,   // Its backend has it.
        kSettling,  // Is over; its outcome is being written.
    };

    Claim claim;
    JobTerms terms;  // Gone when settling.
    WorkerId worker;
    schedule::BackendIndex backend = 0;
    schedule::LaneIndex lane = 0;
    MonoTime deadline;
    Priority standing = Priority::kHigh;  // See Candidate.
    Phase phase = Phase::kReady;
    MonoTime started;      // From phase kRunning on.
    std::size_t slot = 0;  // Its backend's slot, in phase kRunning.
    double fraction = 0;   // The part that is done, as the backend reports it.
    bool is_stopping = false;
    bool is_aside = false;  // Its outcome will be dropped.

    bool is_stoppable() const { return phase != Phase::kSettling && !is_stopping; }
    // It is over: returns what remains to be written.
    EndedAttempt settle(Outcome outcome);
};

class AttemptTable {
 public:
    AttemptTable(std::size_t backends, std::size_t lanes)
        : places_by_lane_(backends, std::vector<std::size_t>(lanes)) {}

    // A pointer or reference to an attempt is valid until it is set aside or erased.

    // Requires: its job has no current attempt.
    Attempt& add(Attempt attempt);
    // A current attempt is current no more.
    Attempt& set_aside(Attempt& attempt);
    void erase(Attempt& attempt);

    // The current attempt of the job; null if there is none.
    Attempt* current(const JobId& job);
    // The attempt with this key, current or set aside; null if it is not held.
    Attempt* find(const AttemptKey& key);
    const Attempt* find(const AttemptKey& key) const;
    // The attempt with this key in this phase. If a failover undid a claim, two attempts may have
    // the same key, so this may be another one than find() returns.
    Attempt* find_in(Attempt::Phase phase, const AttemptKey& key);

    const std::unordered_map<JobId, Attempt>& current() const { return current_; }
    // The current attempts that are neither over nor being stopped.
    std::vector<Attempt*> stoppable();
    // Those of them whose deadline has passed. Costs nothing until the next deadline.
    std::vector<Attempt*> overdue(MonoTime now);

    // The places that attempts take, current or set aside: all, and those of a backend by lane.
    std::size_t places() const { return current_.size() + aside_.size(); }
    const std::vector<std::size_t>& places_by_lane(schedule::BackendIndex backend) const {
        return places_by_lane_[backend];
    }

 private:
    std::unordered_map<JobId, Attempt> current_;
    std::unordered_multimap<AttemptKey, Attempt, AttemptKeyHash> aside_;
    std::vector<std::vector<std::size_t>> places_by_lane_;
    MonoTime next_deadline_ = MonoTime::max();  // No deadline is earlier.
};

}  // namespace millrace::execute

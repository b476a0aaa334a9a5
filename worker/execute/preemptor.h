// Chooses the running job that gives way to a more urgent one: the least urgent, and among equals
// the one that started last and so has the least to lose. It spares jobs that had their turn, that
// report being nearly done, or that were interrupted often enough (docs/scheduling.md).
//
// Threads:   a plain value; the caller's lock guards the attempts.
// Blocks:    never.
// Errors:    none.
#pragma once

#include <optional>
#include <vector>

#include "worker/execute/attempt_table.h"

namespace millrace::execute {

class Preemptor {
 public:
    // A job that was interrupted `preemptions_max` times, for whatever reason, is spared; 0: all
    // are.
    explicit Preemptor(int preemptions_max) : preemptions_max_(preemptions_max) {}

    // Chooses the attempt to stop for an `urgent` job: it runs on this backend, in a lane of `from`
    // (one entry per lane), and its standing (see Candidate) gives way. Nothing if there is no such
    // attempt, or if one there is already being stopped: the urgent job gets that place.
    std::optional<AttemptKey> choose(const AttemptTable& attempts, schedule::BackendIndex backend,
                                     Priority urgent, const std::vector<bool>& from) const;

 private:
    bool gives_way(const Attempt& attempt, Priority urgent) const;

    const int preemptions_max_;
};

}  // namespace millrace::execute

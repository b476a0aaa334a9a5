#include "worker/backends/backend.h"

#include "common/base/check.h"
#include "worker/backends/outcomes.h"

namespace millrace::backends {

Outcome aborted_outcome(AbortReason reason) {
    switch (reason) {
        case AbortReason::kCancelled:
            return failed_outcome(OutcomeKind::kCancelled, "cancelled", "cancelled on request");
        case AbortReason::kDeadline:
            return failed_outcome(OutcomeKind::kTimeout, "timeout",
                                  "the attempt ran past its deadline");
        case AbortReason::kInterrupted:
            return failed_outcome(OutcomeKind::kInterrupted, "interrupted",
                                  "the worker gave the job back before it was finished");
        case AbortReason::kPreempted:
            return failed_outcome(OutcomeKind::kInterrupted, "preempted",
                                  "the job gave way to more urgent work");
    }
    CHECK(false);
}

}  // namespace millrace::backends

#include "worker/execute/admission.h"

#include <utility>

namespace millrace::execute {

Admission admission_of(Start start, const backends::Backend& backend, WorkerId worker,
                       MonoTime claimed_at, MonoTime now) {
    const auto& spec = start.job.spec;
    if (start.batch_key.empty()) start.batch_key = backend.batch_key(spec);
    const auto weight = backend.batch_weight(spec);
    const auto deadline = claimed_at + start.job.remaining;
    // As if it had been claimed on arrival: no wait for a batch can save the time of a claim.
    const auto arrived = start.arrived ? *start.arrived + (now - claimed_at) : now;
    Attempt attempt{.claim = start.job,
                    .terms = spec,
                    .worker = worker,
                    .backend = start.backend,
                    .lane = start.lane,
                    .deadline = deadline,
                    .standing = start.standing};
    return {.attempt = std::move(attempt),
            .arrival = {.execution = {.job = std::move(start.job), .deadline = deadline},
                        .key = std::move(start.batch_key),
                        .weight = weight,
                        .arrived = arrived}};
}

}  // namespace millrace::execute

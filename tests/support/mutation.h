// The guards that a test may remove from the store in memory, one at a time, to prove that their
// absence is noticed. The names are those of the model's mutants (tests/model).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace millrace::test {

enum class Mutation : std::uint8_t {
    kEpochInCompletion,
    kStateInCompletion,
    kQueuedInClaim,
    kLevelTriggeredRescue,
    kRescueOwnerGuard,
    kCancellingInRescue,
    kCancellingInRetry,
    kReconcileAndSweep,
    kStealing,
    kMassOutage,
    kIdempotencyIndex,
};

struct MutationInfo {
    Mutation mutation;
    std::string_view name;
};

inline constexpr std::array kMutations{
    MutationInfo{Mutation::kEpochInCompletion, "epoch-in-completion"},
    MutationInfo{Mutation::kStateInCompletion, "state-in-completion"},
    MutationInfo{Mutation::kQueuedInClaim, "queued-in-claim"},
    MutationInfo{Mutation::kLevelTriggeredRescue, "level-triggered-rescue"},
    MutationInfo{Mutation::kRescueOwnerGuard, "rescue-owner-guard"},
    MutationInfo{Mutation::kCancellingInRescue, "cancelling-in-rescue"},
    MutationInfo{Mutation::kCancellingInRetry, "cancelling-in-retry"},
    MutationInfo{Mutation::kReconcileAndSweep, "reconcile-and-sweep"},
    MutationInfo{Mutation::kStealing, "stealing"},
    MutationInfo{Mutation::kMassOutage, "mass-outage"},
    MutationInfo{Mutation::kIdempotencyIndex, "idempotency-index"},
};

}  // namespace millrace::test

// All checkers. Each file beside this one has those of one invariant of ARCHITECTURE.md, whose
// number their verdicts name:
//
//   1  acceptance.cc     accepted jobs exist, once, and end
//   2  finality.cc       what is final stays as it is
//   3  fences.cc         every attempt has a claim of its own, every outcome an attempt
//   4  leases.cc         nothing starts without a live lease; nobody is lost who was heard
//   6  prompt_start.cc   idle workers find queued jobs, message or no message
//   8  counting.cc       what counts as a failure or a loss, and what does not
//   9  bounds.cc         buffers and slots keep their limits, and none leaks
#pragma once

#include "tests/simulation/history.h"

namespace millrace::simulation {

// RescueLimits::losses_max.
inline constexpr int kLossesMax = 3;

void add_checkers(History& history);

void add_acceptance(History& history);
void add_finality(History& history);
void add_fences(History& history);
void add_leases(History& history);
void add_prompt_start(History& history);
void add_counting(History& history);
void add_bounds(History& history);

}  // namespace millrace::simulation

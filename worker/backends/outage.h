// What shows that a model server is not there although something answers, and what that costs a
// job. Pure.
#pragma once

#include <string_view>

#include "common/base/clock.h"
#include "common/job/outcome.h"

namespace millrace::worker {

// A status that comes from what stands in front of the server.
bool is_of_a_gateway(long status);
// A page of HTML, which no model server answers with.
bool is_page(std::string_view body);

// An outage costs a job no attempt; but what never gets another answer is bounded, because it may
// be this very job that ends the model's process each time. Attempts of any kind count. Before each
// one it rests longer by a step, up to a bound, because not every outage makes jobs wait elsewhere:
// so many take a quarter of an hour at least.
inline constexpr int kOutageAttemptsMax = 50;
inline constexpr milliseconds kOutageRestStep{1'000};
inline constexpr milliseconds kOutageRestMax{30'000};
// The outcome to report of an attempt, counted from 1, that found an outage: rate-limited, or when
// the job has had all of these attempts, retryable.
Outcome waited_out(Outcome outcome, int attempt);

}  // namespace millrace::worker

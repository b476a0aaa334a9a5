// Classifies the error answers of model servers by their status. These rules hold whatever the
// protocol; what the text of an answer says is the backend's to judge. Pure.
//
//   class        statuses                                   what becomes of the job
//   capacity     429 503 529                                waits, which costs no attempt
//   outage       408 502 504 520-524 530                    waits, within the bounds of Outages
//   gave up      408 504 524 that took long                 fails: it is too slow for the gateway
//   transient    409 425, other 5xx                         fails; may be tried again
//   permanent    501 505, all other                         fails for good
#pragma once

#include <optional>

#include "common/base/clock.h"
#include "common/job/outcome.h"

namespace millrace::backends::serving {

// Whether the status comes from a gateway in front of the server.
bool is_of_a_gateway(long status);

// A gateway gives up waiting for its server after some time. If that took this long, the job itself
// may be too slow for the gateway, and would be each time.
inline constexpr milliseconds kGatewayPatienceMin{10'000};

enum class AnswerClass { kCapacity, kOutage, kGaveUp, kTransient, kPermanent };

// `took`: from the request to the answer.
AnswerClass class_of(long status, milliseconds took);
OutcomeKind kind_of(AnswerClass what);

// Whether the server refuses the API key. That concerns every job, so it counts as a failure of the
// server, although the job at hand fails for good.
bool refuses_the_key(long status);

// Takes over how long the server asks to be left alone, if the job waits at all.
void rest_as_asked(Outcome& outcome, std::optional<milliseconds> asked);

}  // namespace millrace::backends::serving

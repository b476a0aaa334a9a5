// What an answer that is no result means for the job, and what it says about the endpoint. Pure.
//
//   capacity  429 503 529                                   kRateLimited: waits, no attempt burns
//   outage    408 502 504 520-524 530                       kRateLimited, "endpoint_unavailable":
//             a page of HTML instead of an answer,            the same, but bounded by Outages
//             404 405 that are no JSON,
//             words that say that no model is behind it
//   input     501 505, other 3xx and 4xx                    kPermanent, with the server's own code
//   odd       409 425, other 5xx, garbage,              kRetryable: counts as a failure
//             404 of a model that the list had,
//             408 504 524 that took long
//
// The status is that of the answer's first line; where that says no more than 500, or 200, a status
// inside the body counts. An odd answer may be the input's fault, so it speaks for nobody else; nor
// does an outage that only a text tells of, since firewalls answer single requests with pages.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/job/job.h"
#include "common/job/outcome.h"
#include "worker/backends/endpoints/endpoint_pool.h"
#include "worker/backends/outage.h"

namespace millrace::worker {

struct HttpError {
    long status = 0;
    std::string_view body;  // {"error":{"message","type","code"}}, its relatives, or any text.
    std::optional<milliseconds> retry_after;
    std::optional<bool> should_retry = {};  // x-should-retry: about odd answers and refusals.
    std::string location = {};              // Of a redirect, as place_of() has it.
    milliseconds took{0};                   // From the request to the answer.
};

// A prompt that is too long for the model has the code "context_length_exceeded" whichever words
// the server has for it.
Outcome http_error_outcome(const HttpError& error);

// For the value of "error" in an answer that began as a success: by its numeric "code" when that is
// an HTTP status, else retryable.
Outcome error_object_outcome(const nlohmann::json& error);

// What a call that ended so says about its endpoint. `status` is 0 where there was no answer,
// `is_connected` false where there was no connection.
CallResult call_result(const Outcome& outcome, long status, bool is_connected);

// What waits for the endpoint to come back.
bool is_outage(const Outcome& outcome);
// An outage that would be a route which the server does not have, if others are served meanwhile.
bool may_lack_the_route(const Outcome& outcome, long status);
// That it is: counts as a failure.
Outcome lacks_the_route(Outcome outcome, long status);

// 200, but not what was asked for.
Outcome invalid_response(std::string_view what);

// 200, but from something in front of the model server: a maintenance page, a login.
Outcome page_instead(std::string_view body);

// `how` goes on from "the endpoint's answer".
Outcome stream_truncated(std::string_view how = "ended in the middle");
// The server gave the generation up, for reasons of its own.
Outcome generation_aborted();
Outcome endpoint_unreachable(std::string_view endpoint, std::string_view why);
// It was served when the job was claimed.
Outcome model_gone(std::string_view model);
// A stream was silent for too long.
Outcome endpoint_stalled(std::string_view endpoint, milliseconds silence);

}  // namespace millrace::worker

// What an error answer means for the job, and what it says about the endpoint. Pure.
//
//   capacity  by its status, see answer_class.h         kRateLimited: waits, costs no attempt
//   outage    by its status,                            kRateLimited, "endpoint_unavailable":
//             a page of HTML instead of an answer,        the same, but bounded by Outages
//             404 405 without JSON,
//             a message saying that the model server is unreachable
//             a connection closed without an answer       the same, "connection_lost", unless
//                                                         others are served
//   input     permanent by its status                   kPermanent, with the server's own code
//   odd       transient by its status, invalid answers, kRetryable: counts as a failure
//             404 of a model that the list had,
//             a gateway that gave up waiting
//
// The status is that of the answer's first line. If that is only 500 or 200, a status inside the
// body counts instead. An odd answer may be the fault of the input, so it does not affect other
// jobs. Neither does an outage that only the text of an answer reports, because firewalls answer
// single requests with pages.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/job/outcome.h"
#include "worker/backends/serving/pool/endpoint_pool.h"

namespace millrace::backends::openai {

using serving::pool::CallResult;

struct HttpError {
    long status = 0;
    std::string_view body;  // {"error":{"message","type","code"}}, a variant of it, or any text.
    std::optional<milliseconds> retry_after;
    std::optional<bool> should_retry = {};  // x-should-retry: for odd answers and refusals.
    std::string location = {};              // Of a redirect, from location_of().
    milliseconds took{0};                   // From the request to the answer.
};

// If the prompt is too long for the model, the code is "context_length_exceeded", whatever the
// server calls it.
Outcome http_error_outcome(const HttpError& error);

// For the value of "error" in an answer that began as a success. Its numeric "code" counts if that
// is an HTTP status; otherwise the outcome is retryable. `took`: from the request to the error.
Outcome error_object_outcome(const nlohmann::json& error, milliseconds took = {});

// What the result of a call says about its endpoint. `status` is 0 if there was no answer,
// `is_connected` false if there was no connection.
CallResult call_result(const Outcome& outcome, long status, bool is_connected);

// Whether the job waits for the endpoint to come back.
bool is_outage(const Outcome& outcome);
// Whether the outage may be a route that the server lacks. It is one if other jobs are served
// meanwhile.
bool may_lack_the_route(const Outcome& outcome, long status);
// The outcome if the server does lack the route: counts as a failure.
Outcome lacks_the_route(Outcome outcome, long status);

// No endpoint of the model takes the job. `wait` is zero if they are only full; otherwise one may
// take it after `wait`.
Outcome no_place(milliseconds wait);

// 200, but not the expected answer.
Outcome invalid_response(std::string_view what);

// 200, but from something in front of the model server: a maintenance page, a login.
Outcome page_instead(std::string_view body);

// The connection was closed before the first byte: an outage.
Outcome unanswered(std::string message);
// It broke otherwise before the answer.
Outcome connection_lost(std::string message);
bool is_unanswered(const Outcome& outcome);

// `how` continues "the endpoint's answer".
Outcome stream_truncated(std::string_view how = "ended in the middle");
// The server gave up the generation for its own reasons.
Outcome generation_aborted();
Outcome endpoint_unreachable(std::string_view endpoint, std::string_view why);
// The model was served when the job was claimed.
Outcome model_gone(std::string_view model);
// A stream was silent for too long.
Outcome endpoint_stalled(std::string_view endpoint, milliseconds silence);

}  // namespace millrace::backends::openai

// Classifies error responses by who is at fault, and says what they mean for the job. Pure.
//
// Status codes alone are not enough: Triton answers 500 to a malformed request, to an exception in
// the model and to a dead model process alike. So the text decides about 500 (texts of Triton 2.51,
// and of CUDA):
//
//   at fault  symptom                                                 a job that was alone gets
//   capacity  by its status, see serving/answer_class.h               kRateLimited
//   request   permanent by its status; 500 "failed to parse", …       kPermanent
//   model     other 500: an exception, maybe for another row          kRetryable
//   server    transient by its status; 500 "not healthy", "CUDA       kRetryable
//             error"; garbage, a cut connection, no answer in time
//   server    an outage by its status, an HTML page: it is down       kRateLimited, by Outages
//   server    a connection that is closed without an answer           the same, see is_unanswered
//   server    a gateway that gave up waiting                          kRetryable
//   server    404, no connection: the model is not there              not run at all
//
// The fault of a request or a model may be that of a single job of the batch. The fault of a server
// says nothing about the jobs; it counts against the server.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/job/outcome.h"
#include "worker/backends/serving/pool/endpoint_pool.h"

namespace millrace::backends::oip {

using serving::pool::CallResult;

enum class Fault { kCapacity, kRequest, kModel, kServer };

struct ServerError {
    Fault fault = Fault::kServer;
    // What it says about the model on this server.
    CallResult result = CallResult::kFailed;
    // False: no job was started, so another server may get the request.
    bool was_run = true;
    // Something in front of the server answered: the outcome is for Outages.
    bool is_outage = false;
    // The connection was closed without an answer: an outage too, unless others are served while
    // the job meets nothing else, because then it may be what ends the server.
    bool is_unanswered = false;
    // The gateway also gave up waiting: if the job was alone in the request, it is too slow for the
    // gateway.
    bool gave_up_waiting = false;
    Outcome outcome;
};

struct ErrorAnswer {
    long status = 0;
    std::string_view body;  // {"error":"…"}, {"detail":…}, a Python traceback, or any text.
    std::optional<milliseconds> retry_after;
    milliseconds took{0};  // From the request to the answer.
};

ServerError classify(const ErrorAnswer& answer);

// The failure of a request of `jobs` jobs; nothing if they wait for the end of an outage.
std::optional<Outcome> failure_of(const ServerError& error, std::size_t jobs);

// An answer 200 with an error inside; nothing if there is none.
std::optional<ServerError> error_inside(std::string_view body);

// An answer 200 that is an HTML page from something in front of the server; nothing if it is none.
std::optional<ServerError> page_instead(std::string_view body);

// An answer 200 that is not what was requested.
ServerError invalid_response(std::string_view what);

// No answer, and the reason for it.
ServerError unreachable(std::string_view why);
ServerError timed_out(milliseconds timeout);
ServerError unanswered(std::string_view why);
ServerError connection_lost(std::string_view why);

}  // namespace millrace::backends::oip

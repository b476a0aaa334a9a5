// Whose fault an answer is that is no result, and what it means for the job. Pure.
//
// Status codes alone do not say: Triton answers 500 to a malformed request, to an exception in the
// model and to a dead process of the model alike. So 500 is decided by text (2.51's, and the words
// of CUDA):
//
//   whose     how it shows                                            a job alone with it is
//   capacity  429 503 529                                             kRateLimited
//   request   other 3xx and 4xx; 500 "failed to parse", "unexpected…" kPermanent
//   model     other 500: an exception, maybe for another row          kRetryable
//   server    other 5xx; 500 "not healthy", "CUDA error";             kRetryable
//             garbage, a cut connection, no answer in time
//   server    408 502 504 520-524 530, a page of HTML: it is away     kRateLimited, by Outages
//   server    of these 408 504 524, if they took long                 kRetryable
//   server    404, no connection: the model is not there               not run at all
//
// A fault of the request's or the model's may be that of a single job of the batch. A fault of the
// server's says nothing about the jobs; it counts against the server.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/job/outcome.h"

namespace millrace::worker {

enum class Fault { kCapacity, kRequest, kModel, kServer };

struct ServerError {
    Fault fault = Fault::kServer;
    // kServer: it will not get better by itself at once, so that there is no use in trying again.
    bool is_dead = false;
    // False: no job was touched; another server may have the request.
    bool was_run = true;
    // Something in front of it answered: the outcome is for Outages.
    bool is_outage = false;
    // And it was tired of waiting: a job that has seen this alone is too slow for it.
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

// What a request of so many jobs fails with; nothing where they wait for the end of an outage.
std::optional<Outcome> failure_of(const ServerError& error, std::size_t jobs);

// 200, but with an error inside; nothing when there is none.
std::optional<ServerError> error_inside(std::string_view body);

// 200, but a page of HTML from something in front of the server; nothing when it is none.
std::optional<ServerError> page_instead_of(std::string_view body);

// 200, but not what was asked for.
ServerError invalid_answer(std::string_view what);

// No answer: why not.
ServerError unreachable(std::string_view why);
ServerError timed_out(milliseconds timeout);
ServerError connection_lost(std::string_view why);

}  // namespace millrace::worker

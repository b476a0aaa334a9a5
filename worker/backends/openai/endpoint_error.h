// What an answer that is no result means for the job: wait, try again, or give up. Pure.
//
//   429 503 529, or no connection     kRateLimited: the endpoint has no capacity; no attempt burns
//   408 409 425, other 5xx, garbage   kRetryable
//   other 3xx and 4xx                 kPermanent, with the server's own code and message
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/job/outcome.h"

namespace millrace::worker {

struct HttpError {
    long status = 0;
    std::string_view body;  // {"error":{"message","type","code"}}, its relatives, or any text.
    std::optional<milliseconds> retry_after;
};

// A prompt that is too long for the model has the code "context_length_exceeded" whichever words
// the server has for it.
Outcome http_error_outcome(const HttpError& error);

// For the value of "error" in an answer that began as a success: by its numeric "code" when that is
// an HTTP status, else retryable.
Outcome error_object_outcome(const nlohmann::json& error);

// 200, but not what was asked for.
Outcome invalid_response(std::string_view what);

Outcome stream_truncated();
// The server gave the generation up, for reasons of its own.
Outcome generation_aborted();
Outcome endpoint_unreachable(std::string_view endpoint, std::string_view why);
// A stream was silent for too long.
Outcome endpoint_stalled(std::string_view endpoint, milliseconds silence);

}  // namespace millrace::worker

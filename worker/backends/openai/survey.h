// What is asked of the endpoints before the backend is ready: which models they serve, which server
// they are, how much it runs at once; and a first answer of each model, so that it is loaded.
//
// Threads:   the caller's.
// Blocks:    up to the options' timeouts, for all endpoints together.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/backends/http/curl_handles.h"
#include "worker/backends/openai/endpoint.h"

namespace millrace::worker {

struct SurveyOptions {
    std::string api_key;
    ConnectOptions connect = {};
    milliseconds timeout{10'000};  // Of each question.
    milliseconds warm_up{0};       // How long a first answer may take; zero: none is asked for.
};

// Fills in what the endpoints do not say yet: models, profile, slots. One that does not answer
// counts as "generic", and as serving what the others serve; it is left out where these differ.
//
// kUnavailable when no endpoint is left, with what the last one said; kInvalidArgument passes.
Status survey(std::vector<Endpoint>& endpoints, const SurveyOptions& options);

}  // namespace millrace::worker

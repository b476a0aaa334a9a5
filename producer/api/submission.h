// From a client's JSON to a job that may be submitted, or to the one thing that is wrong with it.
//
// Nothing is guessed: unknown fields are named with the nearest valid one, wrong types say what
// came and what to send.
//
// Threads: pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "producer/api/api_options.h"
#include "producer/api/json_fields.h"
#include "producer/api/problems.h"
#include "producer/intake/job_service.h"

namespace millrace::api {

// What a submission is checked against, beside the options.
struct SubmissionRules {
    const ApiOptions& options;
    std::vector<std::string> queues;
    storage::DbTime now;
};

using Submission = Decoded<gateway::SubmitRequest>;

// The body of POST /v1/jobs.
Submission decode_submission(std::string_view body, const SubmissionRules& rules);

// The body of POST /v1/jobs:batch: one entry per job, in order; a problem where the body as a whole
// is wrong.
Decoded<std::vector<Submission>> decode_batch(std::string_view body, const SubmissionRules& rules);

// The whole body as the object that is `wanted`.
Decoded<JsonView> check_object(std::string_view body, const ApiOptions& options,
                               std::string_view wanted);

// "Known are a, b, c.", shortened where there are many.
std::string known_names(std::span<const std::string> names);
// "a, b, c.", likewise.
std::string name_list(std::span<const std::string> names);

}  // namespace millrace::api

// Turns a client's JSON into a job that can be submitted, or into the first problem with it.
//
// Nothing is guessed. The problem for an unknown field names the nearest valid one; the problem for
// a wrong type says what came and what to send.
//
// Threads: pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/json/json_syntax.h"
#include "producer/api/codec/api_options.h"
#include "producer/api/codec/json_fields.h"
#include "producer/server/problems.h"
#include "producer/service/submissions.h"

namespace millrace::api::codec {

// What a submission is checked against.
struct SubmissionRules {
    const ApiOptions& options;
    std::vector<std::string> queues;
    storage::DbTime now;
};

using Submission = Decoded<service::SubmitRequest>;

// Decodes the body of POST /v1/jobs.
Submission decode_submission(std::string_view body, const SubmissionRules& rules);

// Decodes the body of POST /v1/jobs:batch: one entry per job, in order, or a problem if the body as
// a whole is invalid.
Decoded<std::vector<Submission>> decode_batch(std::string_view body, const SubmissionRules& rules);

// Checks that the whole body is an object; `wanted` describes it in the problem. The view borrows
// the outline, if one is given.
Decoded<JsonView> check_object(std::string_view body, const ApiOptions& options,
                               std::string_view wanted, json_text::JsonOutline* outline = nullptr);

// "The known ones are a, b, c.", shortened if there are many names.
std::string known_names(std::span<const std::string> names);
// "a, b, c.", likewise.
std::string name_list(std::span<const std::string> names);

}  // namespace millrace::api::codec

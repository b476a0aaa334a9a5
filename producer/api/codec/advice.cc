#include "producer/api/codec/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "common/base/nearest.h"
#include "common/base/text.h"
#include "producer/server/header_values.h"

namespace millrace::api::codec {
namespace {

constexpr std::string_view kIntoInput =
    "It belongs in `input`, as in {\"input\": {\"prompt\": \"…\"}}.";
constexpr std::string_view kIntoPolicy =
    "It belongs in `policy`, as in {\"policy\": {\"ttl\": \"24h\"}}.";
constexpr std::string_view kTimeout =
    "Did you mean `execution_timeout` (of one attempt) or `ttl` (of the whole job)?";
constexpr std::string_view kAttempts = "Did you mean `max_attempts`?";
constexpr std::string_view kTtl = "Did you mean `ttl`?";
constexpr std::string_view kRunAt = "Did you mean `run_at`, a time?";
constexpr std::string_view kMetadata = "Did you mean `metadata`, an object of strings?";
constexpr std::string_view kOwnId = "Give a job an id of your own with PUT /v1/jobs/{id}.";
constexpr std::string_view kNoCallback =
    "There are no callbacks: wait with the header `Prefer: wait=30`, or follow "
    "/v1/jobs/{id}/events.";
constexpr std::string_view kFollow =
    "Follow the job's output at /v1/jobs/{id}/events; `stream` in `input` is not needed.";
constexpr std::string_view kWait = "Send the header `Prefer: wait=30` to wait for the job's end.";
constexpr std::string_view kJobs =
    "It belongs in a job of `jobs`, as in {\"jobs\": [{\"model\": \"…\", \"input\": {…}}]}.";

constexpr std::array kJobAdvice{
    // Fields of requests to model servers.
    NameAdvice{"prompt", kIntoInput},
    NameAdvice{"messages", "It belongs in `input`, as in {\"input\": {\"messages\": […]}}."},
    NameAdvice{
        "inputs",
        "Did you mean `input`, an object? An `oip` model takes {\"input\": {\"inputs\": […]}}."},
    NameAdvice{"max_tokens", kIntoInput},
    NameAdvice{"max_completion_tokens", kIntoInput},
    NameAdvice{"max_new_tokens", kIntoInput},
    NameAdvice{"temperature", kIntoInput},
    NameAdvice{"top_p", kIntoInput},
    NameAdvice{"top_k", kIntoInput},
    NameAdvice{"stop", kIntoInput},
    NameAdvice{"seed", kIntoInput},
    NameAdvice{"n", kIntoInput},
    NameAdvice{"tools", kIntoInput},
    NameAdvice{"tool_choice", kIntoInput},
    NameAdvice{"response_format", kIntoInput},
    NameAdvice{"logprobs", kIntoInput},
    NameAdvice{"logit_bias", kIntoInput},
    NameAdvice{"frequency_penalty", kIntoInput},
    NameAdvice{"presence_penalty", kIntoInput},
    NameAdvice{"system", kIntoInput},
    NameAdvice{"instructions", kIntoInput},
    NameAdvice{"image_prompt", kIntoInput},
    NameAdvice{"parameters", kIntoInput},
    NameAdvice{"options", kIntoInput},
    NameAdvice{"stream", kFollow},
    NameAdvice{"stream_options", kFollow},
    // Fields of jobs in other queues.
    NameAdvice{"payload", "Did you mean `input`?"},
    NameAdvice{"body", "Did you mean `input`?"},
    NameAdvice{"data", "Did you mean `input`?"},
    NameAdvice{"args", "Did you mean `input`?"},
    NameAdvice{"kwargs", "Did you mean `input`?"},
    NameAdvice{"arguments", "Did you mean `input`?"},
    NameAdvice{"params", "Did you mean `input`?"},
    NameAdvice{"request", "Did you mean `input`?"},
    NameAdvice{"model_name", "Did you mean `model`?"},
    NameAdvice{"model_id", "Did you mean `model`?"},
    NameAdvice{"engine", "Did you mean `model`?"},
    NameAdvice{"queue_name", "Did you mean `queue`?"},
    NameAdvice{"delay", kRunAt},
    NameAdvice{"eta", kRunAt},
    NameAdvice{"countdown", kRunAt},
    NameAdvice{"run_in", kRunAt},
    NameAdvice{"run_after", kRunAt},
    NameAdvice{"not_before", kRunAt},
    NameAdvice{"scheduled_at", kRunAt},
    NameAdvice{"schedule", kRunAt},
    NameAdvice{"start_at", kRunAt},
    NameAdvice{"user", kMetadata},
    NameAdvice{"tags", kMetadata},
    NameAdvice{"labels", kMetadata},
    NameAdvice{"id", kOwnId},
    NameAdvice{"job_id", kOwnId},
    NameAdvice{"client_id", kOwnId},
    NameAdvice{"custom_id", kOwnId},
    NameAdvice{"idempotency_key", "Send it as the header `Idempotency-Key`."},
    NameAdvice{"webhook", kNoCallback},
    NameAdvice{"webhook_url", kNoCallback},
    NameAdvice{"callback", kNoCallback},
    NameAdvice{"callback_url", kNoCallback},
    NameAdvice{"wait", kWait},
    NameAdvice{"jobs", "Send many jobs to /v1/jobs:batch."},
    // Fields of the policy.
    NameAdvice{"execution_timeout", kIntoPolicy},
    NameAdvice{"start_within", kIntoPolicy},
    NameAdvice{"ttl", kIntoPolicy},
    NameAdvice{"max_attempts", kIntoPolicy},
    NameAdvice{"timeout",
               "Did you mean `policy.execution_timeout` (of one attempt) or `policy.ttl` (of the "
               "whole job)?"},
    NameAdvice{"retries", "Did you mean `policy.max_attempts`?"},
    NameAdvice{"max_retries", "Did you mean `policy.max_attempts`?"},
    NameAdvice{"expires_in", "Did you mean `policy.ttl`?"},
    NameAdvice{"expires_at", "Did you mean `policy.ttl`, a duration from now?"},
    NameAdvice{"deadline", "Did you mean `policy.ttl`, a duration from now?"},
};

constexpr std::array kPolicyAdvice{
    NameAdvice{"timeout", kTimeout},
    NameAdvice{"timeout_ms", kTimeout},
    NameAdvice{"timeout_seconds", kTimeout},
    NameAdvice{"run_timeout", kTimeout},
    NameAdvice{"time_limit", kTimeout},
    NameAdvice{"deadline", kTtl},
    NameAdvice{"expires", kTtl},
    NameAdvice{"expires_in", kTtl},
    NameAdvice{"expires_after", kTtl},
    NameAdvice{"expiration", kTtl},
    NameAdvice{"retries", kAttempts},
    NameAdvice{"retry", kAttempts},
    NameAdvice{"retry_limit", kAttempts},
    NameAdvice{"max_retries", kAttempts},
    NameAdvice{"attempts", kAttempts},
    NameAdvice{"queue_timeout", "Did you mean `start_within`?"},
    NameAdvice{"wait_timeout", "Did you mean `start_within`?"},
    NameAdvice{"schedule_timeout", "Did you mean `start_within`?"},
    NameAdvice{"result_ttl",
               "Results are kept for keeper.partition_retention, a setting of the gateway."},
    NameAdvice{"run_at", "It belongs beside `policy`, not in it."},
    NameAdvice{"priority", "It belongs beside `policy`, not in it."},
    NameAdvice{"queue", "It belongs beside `policy`, not in it."},
    NameAdvice{
        "backoff",
        "The settings job.backoff_base and job.backoff_max determine how long a retry waits."},
};

constexpr std::array kBatchAdvice{
    NameAdvice{"model", kJobs},
    NameAdvice{"input", kJobs},
    NameAdvice{"prompt", kJobs},
    NameAdvice{"messages", kJobs},
    NameAdvice{"policy", kJobs},
    NameAdvice{"priority", kJobs},
    NameAdvice{"queue", kJobs},
    NameAdvice{"metadata", kJobs},
    NameAdvice{"run_at", kJobs},
    NameAdvice{"requests", "Did you mean `jobs`?"},
    NameAdvice{"items", "Did you mean `jobs`?"},
    NameAdvice{"data", "Did you mean `jobs`?"},
    NameAdvice{"input_file_id", "There are no files: send the jobs themselves in `jobs`."},
    NameAdvice{"endpoint", "There are no files: send the jobs themselves in `jobs`."},
};

}  // namespace

std::span<const NameAdvice> job_advice() {
    return kJobAdvice;
}

std::span<const NameAdvice> policy_advice() {
    return kPolicyAdvice;
}

std::span<const NameAdvice> batch_advice() {
    return kBatchAdvice;
}

std::string_view advice_for(std::string_view name, std::span<const NameAdvice> advice) {
    const auto found = std::ranges::find(advice, name, &NameAdvice::name);
    return found == advice.end() ? std::string_view() : found->advice;
}

}  // namespace millrace::api::codec

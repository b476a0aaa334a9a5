// The bodies that clients send: jobs, batches, and which jobs to cancel or retry.
#include "common/json/json_syntax.h"
#include "producer/api/codec/job_selection.h"
#include "producer/api/codec/retry_request.h"
#include "producer/api/codec/submission.h"
#include "tests/fuzz/fuzz.h"

namespace millrace::fuzz {
namespace {

namespace codec = api::codec;

void check(const codec::Submission& submission, const codec::ApiOptions& options) {
    if (!submission.has_value()) {
        expect(is_storable(submission.error().detail) && is_storable(submission.error().param));
        return;
    }
    const auto& spec = submission->spec;
    expect(spec.input_json.front() == '{' && is_storable(spec.model));
    expect(!json_text::check_json(spec.input_json, options.json_depth_max));
    if (!spec.metadata_json.empty()) expect(!json_text::check_json(spec.metadata_json, 1));
    expect(spec.policy.attempts_max >= 1 && spec.policy.execution_timeout.count() > 0);
}

}  // namespace

void read(std::string_view input) {
    static const codec::ApiOptions kOptions;
    static const codec::SubmissionRules kRules{
        .options = kOptions,
        .queues = {"default", "other"},
        .now = storage::DbTime(std::chrono::seconds(1'760'000'000))};
    check(codec::decode_submission(input, kRules), kOptions);
    if (const auto batch = codec::decode_batch(input, kRules); batch.has_value()) {
        for (const auto& submission : *batch) check(submission, kOptions);
    }
    static_cast<void>(codec::decode_retry(input, kOptions));
}

}  // namespace millrace::fuzz

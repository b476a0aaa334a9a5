#include "producer/api/codec/retry_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/base/result.h"
#include "producer/api/codec/job_selection.h"
#include "producer/api/codec/submission.h"

namespace millrace::api::codec {

using server::Problem;
using server::ProblemCode;

namespace {

Decoded<std::vector<JobId>> decode_ids(const JsonView& value, int ids_max) {
    constexpr std::string_view kWanted = "an array of ids of jobs";
    if (value.kind() != JsonKind::kArray) return wrong_type("ids", value, kWanted);
    if (const auto count = value.size(); count > static_cast<std::size_t>(ids_max)) {
        return Problem{ProblemCode::kInvalidValue,
                       fmt::format("`ids` has {} entries; the maximum is {}.", count, ids_max),
                       "ids"};
    }
    std::vector<JobId> ids;
    for (const auto& item : value.items()) {
        if (item.kind() != JsonKind::kString) return wrong_type("ids", item, kWanted);
        const auto id = JobId::parse(item.string());
        if (!id) return wrong_value("ids", item, "ids such as job_01h455vb4pex5vsknk084sn02q");
        // Each id counts once.
        if (std::ranges::find(ids, *id) == ids.end()) ids.push_back(*id);
    }
    if (ids.empty()) return wrong_value("ids", value, "at least one id");
    return ids;
}

}  // namespace

Decoded<RetryRequest> decode_retry(std::string_view body, const ApiOptions& options) {
    constexpr std::array kRetryable{JobState::kFailed, JobState::kExpired, JobState::kCancelled};
    std::vector<std::string_view> known{"ids"};
    known.insert(known.end(), kSelectionFields.begin(), kSelectionFields.end());
    TRY(const auto value,
        check_object(body, options, "an object such as {\"status\": \"failed\"}"));
    TRY(const auto fields, JsonFields::of(value, "", known));
    RetryRequest request;
    if (const auto* ids = fields.find("ids")) {
        if (value.size() > 1) {
            return Problem{
                ProblemCode::kInvalidValue,
                "`ids` cannot be combined with other fields: send ids, or what jobs must match.",
                "ids"};
        }
        TRY(request.ids, decode_ids(*ids, options.retry_jobs_max));
        return request;
    }
    TRY(auto selection, decode_selection(fields,
                                         {.states = kRetryable,
                                          .usual = {JobState::kFailed},
                                          .limit_max = options.retry_jobs_max},
                                         options));
    request.filter = std::move(selection.filter);
    request.filter.never_retried = true;
    request.dry_run = selection.dry_run;
    return request;
}

}  // namespace millrace::api::codec

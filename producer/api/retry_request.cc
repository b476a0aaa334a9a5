#include "producer/api/retry_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/base/result.h"
#include "producer/api/submission.h"

namespace millrace::api {
namespace {

constexpr std::string_view kStatusWanted =
    "\"failed\", \"expired\", \"cancelled\" or an array of them";

Decoded<JobState> decode_state(const std::string& path, const JsonView& value) {
    constexpr std::array kRetryable{JobState::kFailed, JobState::kExpired, JobState::kCancelled};
    if (value.kind() != JsonKind::kString) return wrong_type(path, value, kStatusWanted);
    const auto state = parse_job_state(value.string());
    if (state && std::ranges::find(kRetryable, *state) != kRetryable.end()) return *state;
    return wrong_value(path, value, kStatusWanted);
}

Decoded<std::vector<JobState>> decode_states(const JsonFields& fields) {
    const auto* value = fields.find("status");
    const auto path = fields.path("status");
    if (value == nullptr) return std::vector{JobState::kFailed};
    if (value->kind() != JsonKind::kArray) {
        TRY(const auto state, decode_state(path, *value));
        return std::vector{state};
    }
    std::vector<JobState> states;
    for (const auto& item : value->items()) {
        TRY(const auto state, decode_state(path, item));
        states.push_back(state);
    }
    if (states.empty()) return wrong_value(path, *value, kStatusWanted);
    return states;
}

Decoded<std::optional<Priority>> decode_priority(const JsonFields& fields) {
    TRY(const auto text, fields.string("priority", "\"high\", \"normal\" or \"low\""));
    if (!text) return std::optional<Priority>();
    const auto priority = parse_priority(*text);
    if (priority) return std::optional(*priority);
    return Problem{ProblemCode::kUnknownPriority,
                   fmt::format("There is no priority \"{}\".", shown(*text)), "priority"};
}

Decoded<std::vector<std::pair<std::string, std::string>>> decode_metadata(const JsonFields& fields,
                                                                          int pairs_max) {
    constexpr std::string_view kWanted = "an object of strings such as {\"user\": \"42\"}";
    std::vector<std::pair<std::string, std::string>> pairs;
    const auto* value = fields.find("metadata");
    if (value == nullptr) return pairs;
    const auto path = fields.path("metadata");
    if (value->kind() != JsonKind::kObject) return wrong_type(path, *value, kWanted);
    for (const auto& pair : value->members()) {
        const auto pair_path = join_path(path, shown(pair.name));
        if (pair.value.kind() != JsonKind::kString) {
            return wrong_type(pair_path, pair.value, "a string");
        }
        pairs.emplace_back(pair.name, pair.value.string());
    }
    if (pairs.size() <= static_cast<std::size_t>(pairs_max)) return pairs;
    return Problem{ProblemCode::kInvalidValue,
                   fmt::format("`{}` has {} pairs; {} is the most.", path, pairs.size(), pairs_max),
                   path};
}

Decoded<bool> decode_flag(const JsonFields& fields, std::string_view name) {
    const auto* value = fields.find(name);
    if (value == nullptr) return false;
    if (value->kind() == JsonKind::kBoolean) return value->text() == "true";
    return wrong_type(fields.path(name), *value, "true or false");
}

Decoded<std::vector<JobId>> decode_ids(const JsonView& value, int ids_max) {
    constexpr std::string_view kWanted = "an array of ids of jobs";
    if (value.kind() != JsonKind::kArray) return wrong_type("ids", value, kWanted);
    std::vector<JobId> ids;
    for (const auto& item : value.items()) {
        if (item.kind() != JsonKind::kString) return wrong_type("ids", item, kWanted);
        const auto id = JobId::parse(item.string());
        if (!id) return wrong_value("ids", item, "ids such as job_01h455vb4pex5vsknk084sn02q");
        // Once each.
        if (std::ranges::find(ids, *id) == ids.end()) ids.push_back(*id);
        if (ids.size() > static_cast<std::size_t>(ids_max)) {
            return Problem{ProblemCode::kInvalidValue,
                           fmt::format("`ids` has more than {} entries.", ids_max), "ids"};
        }
    }
    if (ids.empty()) return wrong_value("ids", value, "at least one id");
    return ids;
}

}  // namespace

Decoded<RetryRequest> decode_retry(std::string_view body, const ApiOptions& options) {
    constexpr std::array<std::string_view, 11> kKnown{
        "ids",   "status",        "queue",          "priority", "model",  "metadata",
        "error", "created_after", "created_before", "limit",    "dry_run"};
    TRY(const auto value,
        check_object(body, options, "an object such as {\"status\": \"failed\"}"));
    TRY(const auto fields, JsonFields::of(value, "", kKnown));
    RetryRequest request;
    if (const auto* ids = fields.find("ids")) {
        if (value.members().size() > 1) {
            return Problem{ProblemCode::kInvalidValue,
                           "`ids` stands alone: send ids, or what jobs must match.", "ids"};
        }
        TRY(request.ids, decode_ids(*ids, options.retry_jobs_max));
        return request;
    }
    auto& filter = request.filter;
    filter.ascending = true;  // In the order in which they were submitted.
    TRY(filter.states, decode_states(fields));
    TRY(filter.queue, fields.string("queue", "the queue's name as a string"));
    TRY(filter.priority, decode_priority(fields));
    TRY(filter.model, fields.string("model", "the model's name as a string"));
    TRY(filter.metadata, decode_metadata(fields, options.metadata_pairs_max));
    TRY(filter.error_code, fields.string("error", "an error's code as a string"));
    TRY(filter.created_after, fields.time("created_after"));
    TRY(filter.created_before, fields.time("created_before"));
    TRY(const auto limit, fields.integer("limit", 1, options.retry_jobs_max));
    filter.limit = static_cast<int>(limit.value_or(options.retry_jobs_max));
    filter.never_retried = true;
    TRY(request.dry_run, decode_flag(fields, "dry_run"));
    return request;
}

}  // namespace millrace::api

#include "producer/api/codec/list_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "common/base/nearest.h"
#include "common/base/result.h"
#include "producer/api/codec/job_json.h"
#include "producer/api/codec/time_values.h"
#include "producer/server/header_values.h"

namespace millrace::api::codec {

using server::parse_query;
using server::Problem;
using server::ProblemCode;

namespace {

using storage::JobFilter;
using Parameters = std::vector<std::pair<std::string, std::string>>;
using Names = std::span<const std::string_view>;

Problem invalid(std::string_view name, std::string_view value, std::string_view wanted) {
    return {ProblemCode::kInvalidParameter,
            fmt::format("`{}` is \"{}\"; send {}.", name, shown(value), wanted), std::string(name)};
}

Problem given_twice(const std::string& name) {
    return {ProblemCode::kInvalidParameter,
            fmt::format("`{}` was sent twice; send it once.", shown(name)), name};
}

Decoded<Parameters> parameters_of(std::string_view query, Names known) {
    auto parameters = parse_query(query);
    if (!parameters) {
        return Problem{ProblemCode::kInvalidParameter,
                       "The query is not valid: write % as %25, use UTF-8, and leave out U+0000 "
                       "(%00), which cannot be stored.",
                       {}};
    }
    for (const auto& [name, value] : *parameters) {
        const bool is_metadata = name.starts_with("metadata[") && name.ends_with(']');
        if (std::ranges::find(known, is_metadata ? "metadata" : name) != known.end()) continue;
        const auto nearest = nearest_name(name, known);
        const auto hint = !nearest.empty() ? fmt::format("Did you mean `{}`?", nearest)
                          : known.empty()
                              ? std::string("This URL takes none.")
                              : fmt::format("The known ones are {}.", fmt::join(known, ", "));
        return Problem{ProblemCode::kUnknownParameter,
                       fmt::format("`{}` is not a known query parameter. {}", shown(name), hint),
                       shown(name)};
    }
    return *std::move(parameters);
}

// Calls `take` with each element of a comma-separated list.
template <class Take>
Decoded<void> each_piece(std::string_view list, const Take& take) {
    while (!list.empty()) {
        const auto piece = list.substr(0, list.find(','));
        list.remove_prefix(std::min(piece.size() + 1, list.size()));
        TRY_STATUS(take(piece));
    }
    return {};
}

// Adds a value to those of a parameter. A repeated value is refused, so there are never more than
// the parameter knows.
template <class Value>
Decoded<void> add_once(std::string_view name, std::string_view piece, Value value,
                       std::vector<Value>& values) {
    if (std::ranges::find(values, value) == values.end()) {
        values.push_back(value);
        return {};
    }
    return Problem{ProblemCode::kInvalidParameter,
                   fmt::format("`{}` names \"{}\" twice; name it once.", name, piece),
                   std::string(name)};
}

Decoded<void> take_states(std::string_view value, JobFilter& filter) {
    return each_piece(value, [&](std::string_view piece) -> Decoded<void> {
        const auto state = parse_job_state(piece);
        if (!state) {
            std::vector<std::string_view> names;
            for (const auto& row : job_states()) names.push_back(row.name);
            return invalid("status", piece, fmt::format("some of {}", fmt::join(names, ", ")));
        }
        return add_once("status", piece, *state, filter.states);
    });
}

Decoded<void> take_time(std::string_view name, std::string_view value,
                        std::optional<storage::DbTime>& time) {
    time = parse_time(value);
    if (time) return {};
    return invalid(name, value, time_advice(value));
}

Decoded<void> take_limit(std::string_view value, int most, int& limit) {
    const auto* end = value.data() + value.size();
    const auto result = std::from_chars(value.data(), end, limit);
    if (result.ec == std::errc() && result.ptr == end && limit >= 1 && limit <= most) return {};
    return invalid("limit", value, fmt::format("an integer from 1 to {}", most));
}

Decoded<void> take_metadata(const std::string& name, const std::string& value, int pairs_max,
                            JobFilter& filter) {
    constexpr std::string_view kOpen = "metadata[";
    if (!name.starts_with(kOpen) || name.size() < kOpen.size() + 2) {
        return invalid("metadata", value, "the key in brackets, as in metadata[user]=42");
    }
    if (filter.metadata.size() == static_cast<std::size_t>(pairs_max)) {
        return Problem{ProblemCode::kInvalidParameter,
                       fmt::format("There are more than {} metadata filters.", pairs_max),
                       "metadata"};
    }
    filter.metadata.emplace_back(name.substr(kOpen.size(), name.size() - kOpen.size() - 1), value);
    return {};
}

Decoded<void> take_parameter(const std::string& name, const std::string& value,
                             const ApiOptions& options, JobFilter& filter) {
    if (name == "status") return take_states(value, filter);
    if (name == "limit") return take_limit(value, options.page_size_max, filter.limit);
    if (name == "created_after") return take_time(name, value, filter.created_after);
    if (name == "created_before") return take_time(name, value, filter.created_before);
    if (name == "queue") {
        filter.queue = value;
    } else if (name == "model") {
        filter.model = value;
    } else if (name == "error") {
        filter.error_code = value;
    } else if (name == "priority") {
        filter.priority = parse_priority(value);
        if (!filter.priority) return invalid(name, value, "high, normal or low");
    } else if (name == "order") {
        if (value != "asc" && value != "desc") return invalid(name, value, "asc or desc");
        filter.ascending = value == "asc";
    } else if (name == "after") {
        filter.after = JobId::parse(value);
        if (!filter.after) {
            return Problem{
                ProblemCode::kInvalidCursor,
                fmt::format(
                    "`after` is \"{}\"; send the `next` or the last_id of the previous page.",
                    shown(value)),
                "after"};
        }
    } else {
        return take_metadata(name, value, options.metadata_pairs_max, filter);
    }
    return {};
}

}  // namespace

Decoded<JobFilter> decode_list_query(std::string_view query, const ApiOptions& options) {
    constexpr std::array<std::string_view, 11> kKnown{
        "status",        "queue", "priority",       "model", "metadata", "error",
        "created_after", "after", "created_before", "limit", "order"};
    TRY(const auto parameters, parameters_of(query, kKnown));
    JobFilter filter{.limit = options.page_size_default};
    std::set<std::string_view> taken;
    for (const auto& [name, value] : parameters) {
        // Otherwise one of two values would be dropped silently.
        if (name != "status" && !taken.insert(name).second) return given_twice(name);
        TRY_STATUS(take_parameter(name, value, options, filter));
    }
    return filter;
}

Decoded<storage::JobFields> decode_include(std::string_view query) {
    constexpr std::array<std::string_view, 1> kKnown{"include"};
    TRY(const auto parameters, parameters_of(query, kKnown));
    storage::JobFields fields{.output = true, .partial = true};
    for (const auto& [name, value] : parameters) {
        TRY_STATUS(each_piece(value, [&](std::string_view piece) -> Decoded<void> {
            if (piece == "input") {
                fields.input = true;
            } else if (piece == "attempts") {
                fields.attempts = true;
            } else if (piece != "output" && piece != "partial_output") {
                return invalid("include", piece, "some of input, attempts, output, partial_output");
            }
            return {};
        }));
    }
    return fields;
}

bool WorkerQuery::shows(const storage::WorkerRecord& worker) const {
    using storage::WorkerState;
    constexpr milliseconds kRecent = std::chrono::minutes(10);
    if (all || std::ranges::find(states, worker.state) != states.end()) return true;
    const bool lives =
        worker.state == WorkerState::kAlive || worker.state == WorkerState::kDraining;
    return states.empty() && (lives || worker.heartbeat_age < kRecent);
}

Decoded<WorkerQuery> decode_worker_query(std::string_view query) {
    using storage::WorkerState;
    constexpr std::array<std::string_view, 1> kKnown{"state"};
    constexpr std::array kStates{WorkerState::kAlive, WorkerState::kDraining, WorkerState::kStopped,
                                 WorkerState::kLost};
    TRY(const auto parameters, parameters_of(query, kKnown));
    WorkerQuery wanted;
    const auto take = [&](std::string_view piece) -> Decoded<void> {
        const auto* state = std::ranges::find_if(
            kStates, [piece](WorkerState each) { return name(each) == piece; });
        if (state != kStates.end()) return add_once("state", piece, *state, wanted.states);
        if (piece != "all") {
            return invalid("state", piece, "all, or some of alive, draining, stopped, lost");
        }
        wanted.all = true;
        return {};
    };
    for (const auto& [name, value] : parameters) TRY_STATUS(each_piece(value, take));
    return wanted;
}

Decoded<void> decode_no_query(std::string_view query) {
    TRY_STATUS(parameters_of(query, {}));
    return {};
}

}  // namespace millrace::api::codec

#include "producer/api/codec/job_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "common/base/result.h"

namespace millrace::api::codec {

using server::Problem;
using server::ProblemCode;

namespace {

// Returns a text such as: "failed", "expired", "cancelled" or an array of them
std::string states_wanted(std::span<const JobState> states) {
    std::string text;
    for (const auto state : states) text += fmt::format("\"{}\", ", name(state));
    return text + "or an array of them";
}

Decoded<JobState> decode_state(const std::string& path, const JsonView& value,
                               std::span<const JobState> states) {
    if (value.kind() != JsonKind::kString) return wrong_type(path, value, states_wanted(states));
    const auto state = parse_job_state(value.string());
    if (state && std::ranges::find(states, *state) != states.end()) return *state;
    return wrong_value(path, value, states_wanted(states));
}

Decoded<std::vector<JobState>> decode_states(const JsonFields& fields,
                                             const SelectionRules& rules) {
    const auto* value = fields.find("status");
    const auto path = fields.path("status");
    if (value == nullptr) return rules.usual;
    if (value->kind() != JsonKind::kArray) {
        TRY(const auto state, decode_state(path, *value, rules.states));
        return std::vector{state};
    }
    const auto count = value->size();
    if (count == 0) return wrong_value(path, *value, states_wanted(rules.states));
    // Every state is compared with every job, so a list of any length would slow down everybody.
    if (count > rules.states.size()) {
        return Problem{ProblemCode::kInvalidValue,
                       fmt::format("`{}` has {} entries; the maximum is {}, each state once.", path,
                                   count, rules.states.size()),
                       path};
    }
    std::vector<JobState> states;
    for (const auto& item : value->items()) {
        TRY(const auto state, decode_state(path, item, rules.states));
        if (std::ranges::find(states, state) != states.end()) {
            return Problem{ProblemCode::kInvalidValue,
                           fmt::format("`{}` names \"{}\" twice; name it once.", path, name(state)),
                           path};
        }
        states.push_back(state);
    }
    return states;
}

Decoded<std::optional<Priority>> decode_wanted_priority(const JsonFields& fields) {
    TRY(const auto text, fields.string("priority", "\"high\", \"normal\" or \"low\""));
    if (!text) return std::optional<Priority>();
    const auto priority = parse_priority(*text);
    if (priority) return std::optional(*priority);
    return Problem{ProblemCode::kUnknownPriority,
                   fmt::format("There is no priority \"{}\".", shown(*text)), "priority"};
}

Decoded<std::vector<std::pair<std::string, std::string>>> decode_wanted_metadata(
    const JsonFields& fields, int pairs_max) {
    constexpr std::string_view kWanted = "an object of strings such as {\"user\": \"42\"}";
    std::vector<std::pair<std::string, std::string>> pairs;
    const auto* value = fields.find("metadata");
    if (value == nullptr) return pairs;
    const auto path = fields.path("metadata");
    if (value->kind() != JsonKind::kObject) return wrong_type(path, *value, kWanted);
    // An empty object matches every job: like null (check_no_null), it would select more than
    // anybody asked for.
    if (value->members().empty()) {
        return Problem{ProblemCode::kInvalidValue,
                       fmt::format("`{}` is empty; send at least one pair, or leave it out.", path),
                       path};
    }
    for (const auto& pair : value->members()) {
        const auto pair_path = join_path(path, shown(pair.name));
        if (pair.value.kind() != JsonKind::kString) {
            return wrong_type(pair_path, pair.value, "a string");
        }
        pairs.emplace_back(pair.name, pair.value.string());
        if (pairs.size() > static_cast<std::size_t>(pairs_max)) continue;
        const auto earlier = std::span(pairs).first(pairs.size() - 1);
        const auto same = [&](const auto& each) { return each.first == pair.name; };
        if (std::ranges::any_of(earlier, same)) return sent_twice(pair_path);
    }
    if (pairs.size() <= static_cast<std::size_t>(pairs_max)) return pairs;
    return Problem{
        ProblemCode::kInvalidValue,
        fmt::format("`{}` has {} pairs; the maximum is {}.", path, pairs.size(), pairs_max), path};
}

Decoded<bool> decode_flag(const JsonFields& fields, std::string_view name) {
    const auto* value = fields.find(name);
    if (value == nullptr) return false;
    if (value->kind() == JsonKind::kBoolean) return value->text() == "true";
    return wrong_type(fields.path(name), *value, "true or false");
}

// Whether the request says which jobs. A status does, even if it names the default ones.
bool has_criterion(const JsonFields& fields, const storage::JobFilter& filter) {
    return fields.find("status") != nullptr || filter.queue || filter.priority || filter.model ||
           !filter.metadata.empty() || filter.error_code || filter.created_after ||
           filter.created_before;
}

// Where an earlier call stopped. Null is where none did: the `next` of a call that was complete.
Decoded<std::optional<JobId>> decode_after(const JsonFields& fields) {
    constexpr std::string_view kWanted = "the `next` of the last answer";
    TRY(const auto text, fields.string("after", kWanted));
    if (!text) return std::optional<JobId>();
    const auto id = JobId::parse(*text);
    if (id) return id;
    return Problem{ProblemCode::kInvalidCursor,
                   fmt::format("`after` is \"{}\"; send {}.", shown(*text), kWanted), "after"};
}

// Elsewhere null counts as absent. Here, where a program's variable was empty, it would mean every
// model, for example: more than anybody asked for.
Decoded<void> check_no_null(const JsonFields& fields) {
    constexpr std::array<std::string_view, 10> kSaysWhich{
        "ids",      "status", "queue",         "priority",       "model",
        "metadata", "error",  "created_after", "created_before", "dry_run"};
    for (const auto name : kSaysWhich) {
        if (!fields.has_null(name)) continue;
        return Problem{ProblemCode::kInvalidValue,
                       fmt::format("`{}` is null; send a value, or leave it out.", name),
                       std::string(name)};
    }
    return {};
}

}  // namespace

Decoded<JobSelection> decode_selection(const JsonFields& fields, const SelectionRules& rules,
                                       const ApiOptions& options) {
    JobSelection selection;
    auto& filter = selection.filter;
    filter.ascending = true;  // In the order of submission.
    TRY(filter.states, decode_states(fields, rules));
    TRY(filter.queue, fields.string("queue", "the queue's name as a string"));
    TRY(filter.priority, decode_wanted_priority(fields));
    TRY(filter.model, fields.string("model", "the model's name as a string"));
    TRY(filter.metadata, decode_wanted_metadata(fields, options.metadata_pairs_max));
    TRY(filter.error_code, fields.string("error", "an error's code as a string"));
    TRY(filter.created_after, fields.time("created_after"));
    TRY(filter.created_before, fields.time("created_before"));
    TRY(const auto limit, fields.integer("limit", 1, rules.limit_max));
    filter.limit = static_cast<int>(limit.value_or(rules.limit_max));
    TRY(filter.after, decode_after(fields));
    TRY(selection.dry_run, decode_flag(fields, "dry_run"));
    TRY(const bool all, decode_flag(fields, "all"));
    TRY_STATUS(check_no_null(fields));
    if (all || has_criterion(fields, filter)) return selection;
    return Problem{ProblemCode::kMissingField,
                   "The body does not say which jobs. Send criteria such as `status`, `queue`, "
                   "`model`, `metadata` or `created_before`; or `\"all\": true`.",
                   "all"};
}

}  // namespace millrace::api::codec

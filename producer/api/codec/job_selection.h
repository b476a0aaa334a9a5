// Selects the jobs of a request that acts on every match: the fields that POST /v1/jobs:retry and
// POST /v1/jobs:cancel share.
//
// No criteria would mean every job, and a body that lost its only field would ask for that by
// accident. So acting on all jobs requires `all`, and so does counting them, because a count is
// what people rely on before they act. A null criterion is refused for the same reason.
//
// Threads: pure.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "producer/api/codec/api_options.h"
#include "producer/api/codec/json_fields.h"

namespace millrace::api::codec {

struct JobSelection {
    storage::JobFilter filter;
    bool dry_run = false;  // Count only.
};

// The names of the fields that decode_selection() accepts.
inline constexpr std::array<std::string_view, 12> kSelectionFields{
    "status",        "queue",          "priority", "model",   "metadata", "error",
    "created_after", "created_before", "limit",    "dry_run", "all",      "after"};

// The limits of a selection.
struct SelectionRules {
    std::span<const JobState> states;  // The states that `status` may name.
    std::vector<JobState> usual;       // The states if `status` names none.
    int limit_max = 1;                 // Jobs per request, and the default.
};

Decoded<JobSelection> decode_selection(const JsonFields& fields, const SelectionRules& rules,
                                       const ApiOptions& options);

}  // namespace millrace::api::codec

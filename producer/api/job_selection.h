// Which jobs a request means that acts on all that match: the fields that POST /v1/jobs:retry and
// POST /v1/jobs:cancel have in common.
//
// No criterion at all would mean every job there is, and a body that lacks its only field means
// that by accident: so it takes `all` to say so. Only to count needs none. A criterion that is null
// is refused for the same reason.
//
// Threads: pure.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "producer/api/api_options.h"
#include "producer/api/json_fields.h"
#include "producer/intake/job_service.h"

namespace millrace::api {

struct JobSelection {
    storage::JobFilter filter;
    bool dry_run = false;  // Only count.
};

// Names of the fields that decode_selection takes.
inline constexpr std::array<std::string_view, 11> kSelectionFields{
    "status",        "queue",          "priority", "model",   "metadata", "error",
    "created_after", "created_before", "limit",    "dry_run", "all"};

// What a request may select.
struct SelectionRules {
    std::span<const JobState> states;  // Which `status` may name.
    std::vector<JobState> usual;       // Where it names none.
    int limit_max = 1;                 // Jobs in one request; also where none is given.
};

Decoded<JobSelection> decode_selection(const JsonFields& fields, const SelectionRules& rules,
                                       const ApiOptions& options);

}  // namespace millrace::api

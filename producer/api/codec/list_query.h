// The query parameters of GET /v1/jobs and GET /v1/jobs/{id}.
//
// Threads: pure.
#pragma once

#include <string_view>
#include <vector>

#include "producer/api/codec/api_options.h"
#include "producer/api/codec/json_fields.h"

namespace millrace::api::codec {

Decoded<storage::JobFilter> decode_list_query(std::string_view query, const ApiOptions& options);

// Decodes `include`: what to show in addition to the default.
Decoded<storage::JobFields> decode_include(std::string_view query);

// Which workers GET /v1/workers shows: by default the live ones and those heard from in the last
// ten minutes.
struct WorkerQuery {
    // The states that `state` names; age does not matter.
    std::vector<storage::WorkerState> states;
    bool all = false;

    bool shows(const storage::WorkerRecord& worker) const;
};
Decoded<WorkerQuery> decode_worker_query(std::string_view query);

// Checks the query of a route without parameters.
Decoded<void> decode_no_query(std::string_view query);

}  // namespace millrace::api::codec

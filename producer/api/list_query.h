// The query parameters of GET /v1/jobs and GET /v1/jobs/{id}.
//
// Threads: pure.
#pragma once

#include <string_view>

#include "producer/api/api_options.h"
#include "producer/api/json_fields.h"
#include "producer/intake/job_service.h"

namespace millrace::api {

Decoded<storage::JobFilter> decode_list_query(std::string_view query, const ApiOptions& options);

// `include`: what to show beside the usual.
Decoded<storage::JobFields> decode_include(std::string_view query);

// For routes without parameters.
Decoded<void> decode_no_query(std::string_view query);

}  // namespace millrace::api

// The body of POST /v1/jobs:retry.
//
// Threads: pure.
#pragma once

#include <string_view>
#include <vector>

#include "producer/api/codec/api_options.h"
#include "producer/api/codec/json_fields.h"

namespace millrace::api::codec {

// Which jobs to retry: those with these ids or, if there are none, those that match the filter.
struct RetryRequest {
    std::vector<JobId> ids;
    storage::JobFilter filter;
    bool dry_run = false;
};

Decoded<RetryRequest> decode_retry(std::string_view body, const ApiOptions& options);

}  // namespace millrace::api::codec

// The limits and defaults of the HTTP API as plain values.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "common/base/clock.h"

namespace millrace::api::codec {

struct ApiOptions {
    // The limits of a request.
    int json_depth_max = 64;
    int submit_jobs_max = 1000;  // Per batch.

    milliseconds wait_max{55000};  // A longer `Prefer: wait` is shortened to this.

    // When two requests count as the same.
    milliseconds idempotency_ttl{std::chrono::hours(24)};  // Lifetime of an Idempotency-Key.
    bool sdk_retries = true;  // Recognises a body that an SDK sends again without a key.
    milliseconds sdk_timeout{std::chrono::minutes(10)};  // Assumed if the SDK sends none.

    int retry_jobs_max = 500;     // Per request.
    int cancel_jobs_max = 10000;  // Per request with a filter.

    // Lists.
    int page_size_default = 20;
    int page_size_max = 100;

    // The defaults for what a job's policy leaves out, and the maxima that it may ask for.
    std::string queue_default = "default";
    int attempts_default = 3;
    int attempts_max = 100;
    milliseconds execution_timeout_default{600000};
    milliseconds execution_timeout_max{std::chrono::hours(168)};
    std::optional<milliseconds> ttl_default{std::chrono::hours(24)};
    milliseconds ttl_max{std::chrono::hours(720)};
    milliseconds run_at_ahead_max{std::chrono::hours(8784)};  // How far ahead run_at may be.
    int metadata_pairs_max = 16;
    std::size_t metadata_key_max = 64;     // Characters.
    std::size_t metadata_value_max = 512;  // Characters.
};

}  // namespace millrace::api::codec

// The settings of the HTTP API as plain values. The defaults suit a gateway on one machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/clock.h"

namespace millrace::api {

struct ApiOptions {
    // The address, and how much is served at a time.
    std::string host = "127.0.0.1";
    std::uint16_t port = 8080;  // 0 picks a free port; HttpServer::port() returns it.
    int threads = 1;
    int connections_max = 10000;  // Any more are closed at once.

    // The limits of a request.
    std::size_t header_bytes_max = 16 * 1024;          // A longer header gets 431.
    std::size_t body_bytes_max = 8 * 1024 * 1024;      // A longer body gets 413, unread.
    std::size_t bodies_bytes_max = 512 * 1024 * 1024;  // All requests together; above it: 503.
    int json_depth_max = 64;
    int submit_jobs_max = 1000;  // Per batch.

    // The time limits of each phase of a connection.
    milliseconds header_timeout{10000};  // From a request's first byte to the end of its header.
    milliseconds body_timeout{30000};
    milliseconds write_timeout{30000};  // Per write.
    milliseconds idle_timeout{75000};   // Between two requests.
    milliseconds wait_max{55000};       // A longer `Prefer: wait` is shortened to this.

    // When two requests count as the same.
    milliseconds idempotency_ttl{std::chrono::hours(24)};  // Lifetime of an Idempotency-Key.
    bool sdk_retries = true;  // Recognises a body that an SDK sends again without a key.
    milliseconds sdk_timeout{std::chrono::minutes(10)};  // Assumed if the SDK sends none.

    int retry_jobs_max = 500;     // Per request.
    int cancel_jobs_max = 10000;  // Per request with a filter.

    // Event streams.
    milliseconds heartbeat_interval{15000};
    std::size_t event_queue_bytes_max = 1024 * 1024;  // A reader this far behind is cut off.

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

}  // namespace millrace::api

// What the HTTP API takes from the configuration: plain values, with the defaults of a gateway on
// one machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/clock.h"

namespace millrace::api {

struct ApiOptions {
    // Where it listens, and what it serves at a time.
    std::string host = "127.0.0.1";
    std::uint16_t port = 8080;  // 0: a free one; HttpServer::port() tells which.
    int threads = 1;
    int connections_max = 10000;  // Further ones are closed at once.

    // What a request may be.
    std::size_t header_bytes_max = 16 * 1024;          // More: 431.
    std::size_t body_bytes_max = 8 * 1024 * 1024;      // More: 413, unread.
    std::size_t bodies_bytes_max = 512 * 1024 * 1024;  // Of all requests together. More: 503.
    int json_depth_max = 64;
    int submit_jobs_max = 1000;  // In one batch.

    // How long each phase of a connection may take.
    milliseconds header_timeout{10000};  // From a request's first byte to the end of its header.
    milliseconds body_timeout{30000};
    milliseconds write_timeout{30000};  // Of each write.
    milliseconds idle_timeout{75000};   // Between two requests.
    milliseconds wait_max{55000};       // Longer `Prefer: wait` are shortened to it.

    // What makes two requests one.
    milliseconds idempotency_ttl{std::chrono::hours(24)};  // Of an Idempotency-Key.
    bool sdk_retries = true;  // Bodies that an SDK sends again without a key are recognised.
    milliseconds sdk_timeout{std::chrono::minutes(10)};  // Of an SDK that does not say.

    int retry_jobs_max = 500;     // In one request.
    int cancel_jobs_max = 10000;  // In one request by a filter.

    // Event streams.
    milliseconds heartbeat_interval{15000};
    std::size_t event_queue_bytes_max = 1024 * 1024;  // A reader this far behind is cut off.

    // Lists.
    int page_size_default = 20;
    int page_size_max = 100;

    // What a job gets where its policy does not say, and the most that it may ask for.
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

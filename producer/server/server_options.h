// The settings of the HTTP server as plain values. The defaults suit a gateway on one machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/clock.h"

namespace millrace::server {

struct ServerOptions {
    // The address, and how much is served at a time.
    std::string host = "127.0.0.1";
    std::uint16_t port = 8080;  // 0 picks a free port; HttpServer::port() returns it.
    int threads = 1;
    int connections_max = 10000;  // Any more are closed at once.

    // The limits of a request.
    std::size_t header_bytes_max = 16 * 1024;      // A longer header gets 431.
    std::size_t body_bytes_max = 8 * 1024 * 1024;  // A longer body gets 413, unread.
    // What has come of all bodies together, and of those of one address; above it: 503.
    std::size_t bodies_bytes_max = 512 * 1024 * 1024;
    std::size_t peer_bodies_bytes_max = 256 * 1024 * 1024;

    // The time limits of each phase of a connection.
    milliseconds header_timeout{10000};  // From a request's first byte to the end of its header.
    milliseconds body_timeout{30000};
    milliseconds body_stall_timeout{5000};  // Between two parts of a body.
    milliseconds write_timeout{30000};      // Per write.
    milliseconds idle_timeout{75000};       // Between two requests.

    // Event streams.
    milliseconds heartbeat_interval{15000};
    std::size_t event_queue_bytes_max = 1024 * 1024;  // A reader this far behind is cut off.
};

}  // namespace millrace::server

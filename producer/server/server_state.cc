#include "producer/server/server_state.h"

#include <algorithm>

#include "common/telemetry/telemetry.h"

namespace millrace::server {

using telemetry::Metric;

bool ServerState::connection_opened() {
    const MutexLock lock(mutex_);
    if (connections_ == options_.connections_max) {
        telemetry::count<Metric::kHttpConnectionsRefused>();
        return false;
    }
    ++connections_;
    telemetry::set<Metric::kHttpConnections>(connections_);
    return true;
}

void ServerState::connection_closed() {
    const MutexLock lock(mutex_);
    --connections_;
    telemetry::set<Metric::kHttpConnections>(connections_);
    if (connections_ == 0) none_open_.notify_all();
}

bool ServerState::wait_for_no_connections(MonoTime deadline) {
    MutexLock lock(mutex_);
    return none_open_.wait_until(lock, deadline,
                                 [this]() REQUIRES(mutex_) { return connections_ == 0; });
}

bool ServerState::body_reserve(std::size_t bytes) {
    // A single body of the maximum size must always fit.
    const auto most = std::max(options_.bodies_bytes_max, options_.body_bytes_max);
    const auto before = body_bytes_.fetch_add(bytes);
    if (before + bytes <= most) return true;
    body_bytes_ -= bytes;
    return false;
}

}  // namespace millrace::server

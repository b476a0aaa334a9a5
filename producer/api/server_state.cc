#include "producer/api/server_state.h"

#include "common/telemetry/telemetry.h"

namespace millrace::api {

using telemetry::Metric;

bool ServerState::connection_opened() {
    const std::lock_guard lock(mutex_);
    if (connections_ == options_.connections_max) {
        telemetry::count<Metric::kHttpConnectionsRefused>();
        return false;
    }
    ++connections_;
    telemetry::set<Metric::kHttpConnections>(connections_);
    return true;
}

void ServerState::connection_closed() {
    const std::lock_guard lock(mutex_);
    --connections_;
    telemetry::set<Metric::kHttpConnections>(connections_);
    if (connections_ == 0) none_open_.notify_all();
}

bool ServerState::wait_for_no_connections(MonoTime deadline) {
    std::unique_lock lock(mutex_);
    return none_open_.wait_until(lock, deadline, [&] { return connections_ == 0; });
}

bool ServerState::body_reserve(std::size_t bytes) {
    const auto before = body_bytes_.fetch_add(bytes);
    if (before + bytes <= options_.bodies_bytes_max) return true;
    body_bytes_ -= bytes;
    return false;
}

}  // namespace millrace::api

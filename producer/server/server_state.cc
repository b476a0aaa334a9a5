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

bool ServerState::body_reserve(const std::string& peer, std::size_t bytes) {
    if (bytes == 0) return true;
    // A single body of the maximum size must always fit.
    const auto most = std::max(options_.bodies_bytes_max, options_.body_bytes_max);
    const auto most_of_peer = std::max(options_.peer_bodies_bytes_max, options_.body_bytes_max);
    const MutexLock lock(bodies_mutex_);
    const auto found = peer_bytes_.find(peer);
    const auto of_peer = found == peer_bytes_.end() ? 0 : found->second;
    if (bytes > most - std::min(most, body_bytes_)) return false;
    if (bytes > most_of_peer - std::min(most_of_peer, of_peer)) return false;
    body_bytes_ += bytes;
    peer_bytes_[peer] = of_peer + bytes;
    return true;
}

void ServerState::body_release(const std::string& peer, std::size_t bytes) {
    if (bytes == 0) return;
    const MutexLock lock(bodies_mutex_);
    body_bytes_ -= bytes;
    const auto found = peer_bytes_.find(peer);
    found->second -= bytes;
    if (found->second == 0) peer_bytes_.erase(found);
}

}  // namespace millrace::server

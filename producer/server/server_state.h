// The state that all connections of one server share.
//
// Threads: thread-safe; the options are constant.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "common/base/mutex.h"
#include "producer/server/application.h"
#include "producer/server/server_options.h"

namespace millrace::server {

class ServerState {
 public:
    ServerState(ServerOptions options, std::shared_ptr<Application> application)
        : options_(std::move(options)), application_(std::move(application)) {}
    ServerState(const ServerState&) = delete;
    ServerState& operator=(const ServerState&) = delete;

    const ServerOptions& options() const { return options_; }
    Application& application() { return *application_; }

    bool draining() const { return draining_; }
    void set_draining() { draining_ = true; }

    // Counts a connection. Returns false, without counting it, if connections_max are already open.
    bool connection_opened();
    void connection_closed();
    // Waits until no connection is open. Returns false if the deadline comes first.
    bool wait_for_no_connections(MonoTime deadline);

    // Reserves bytes for a request's body. Returns false if the total would exceed
    // bodies_bytes_max, or that of the peer, an address, peer_bodies_bytes_max (or body_bytes_max,
    // if that is larger).
    bool body_reserve(const std::string& peer, std::size_t bytes);
    void body_release(const std::string& peer, std::size_t bytes);

 private:
    const ServerOptions options_;
    const std::shared_ptr<Application> application_;
    std::atomic<bool> draining_ = false;
    Mutex bodies_mutex_;
    std::size_t body_bytes_ GUARDED_BY(bodies_mutex_) = 0;
    // Peers that have some.
    std::unordered_map<std::string, std::size_t> peer_bytes_ GUARDED_BY(bodies_mutex_);
    Mutex mutex_;
    Condition none_open_;
    int connections_ GUARDED_BY(mutex_) = 0;
};

}  // namespace millrace::server

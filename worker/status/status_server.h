// A worker's status over HTTP: GET /metrics for a scraper, GET /healthz for a supervisor.
//
// Meant for one reader every few seconds on a trusted network. It serves one connection after the
// other, closes each after its answer, and cuts off a slow one after kClientTimeout.
//
// Threads:   construct and destroy it on one thread; it is constant otherwise. Serves on its own
//            thread, "status".
// Blocks:    the destructor, up to kClientTimeout.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/thread.h"

namespace millrace::status {

class StatusServer {
 public:
    static constexpr milliseconds kClientTimeout{2000};
    static constexpr std::size_t kRequestBytesMax = 8192;

    // Listens and serves. Port 0 takes a free one. kUnavailable if the address cannot be bound; the
    // message names it and the settings to change.
    static Result<std::unique_ptr<StatusServer>> start(const std::string& host, std::uint16_t port);
    ~StatusServer();

    StatusServer(const StatusServer&) = delete;
    StatusServer& operator=(const StatusServer&) = delete;

    std::uint16_t port() const { return port_; }

 private:
    StatusServer(int listener, int wake);

    void serve(const std::stop_token& stop) const;

    const int listener_;
    const int wake_;  // Becomes readable when the thread must end.
    std::uint16_t port_ = 0;
    runtime::Thread thread_;  // Last: it uses all of the above.
};

}  // namespace millrace::status

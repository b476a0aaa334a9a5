// An HTTP server for one application.
//
// One thread accepts connections and distributes them in turn. Every connection stays on one thread
// and serves one request at a time. ServerOptions limits what a client may send; docs/api.md is
// the contract with clients.
//
// Threads:   start, drain and stop from one thread; the rest from any.
// Owns:      its threads and connections. The application is shared: late callbacks still need it.
// Blocks:    start(), until it listens; drain(), up to its deadline; stop(), until every thread has
//            ended, which no client can delay.
#pragma once

#include <cstdint>
#include <memory>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "producer/server/application.h"
#include "producer/server/server_options.h"

namespace millrace::server {

class HttpServer {
 public:
    HttpServer(ServerOptions options, std::shared_ptr<Application> application);
    // Stops.
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    // Listens and serves. Call it once. kUnavailable: the address cannot be bound; the message
    // names it and the setting to change.
    Status start();

    // The port after start(). It differs from the options only if they said 0.
    std::uint16_t port() const;

    // Ends politely: Exchange::is_draining(), no connection is accepted, requests that wait for a
    // job are answered with what is known, event streams end, and every answer closes its
    // connection. Returns once the last connection is closed or the deadline has passed.
    void drain(MonoTime deadline);

    // Ends at once. Idempotent; safe before start().
    void stop();

 private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::server

// The gateway's HTTP server: connections in, JobService calls out.
//
// One thread accepts and hands connections out in turn; every connection lives on one thread and
// serves one request at a time. What a client may send is bounded by ApiOptions; docs/api.md is the
// contract with clients.
//
// Threads:   start, drain and stop from one thread; the rest from any.
// Owns:      its threads and connections. Borrows the service, which must outlive it.
// Blocks:    start() until it listens; drain() up to its deadline; stop() until every thread ended,
//            which no client can delay.
#pragma once

#include <cstdint>
#include <memory>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "producer/api/api_options.h"
#include "producer/intake/job_service.h"

namespace millrace::api {

class HttpServer {
 public:
    HttpServer(ApiOptions options, gateway::JobService& service);
    // Stops.
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    // Listens and serves. kUnavailable: the address cannot be bound; the message names it and the
    // setting to change. Call once.
    Status start();

    // Where it listens, after start(); differs from the options' where those said 0.
    std::uint16_t port() const;

    // Ends politely: /readyz says no, no connection is accepted, requests that wait for a job are
    // answered with what is known, event streams end, and every answer closes its connection.
    // Returns when the last connection is closed or the deadline has passed.
    void drain(MonoTime deadline);

    // Ends at once. Idempotent; fine before start().
    void stop();

 private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::api

// The in-memory broker as a separate process: the program millrace-broker (librdkafka's mock
// cluster). It speaks Kafka's protocol on 127.0.0.1, forgets everything when it ends, and needs no
// Java.
//
// Threads:   one caller at a time.
// Owns:      the process.
// Errors:    kNotFound: the program is missing; kUnavailable: it did not start; kCancelled:
//            options.give_up was requested.
// Blocks:    start, restart: up to start_timeout.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/process/child_process.h"

namespace millrace::embedded {

struct MockBrokerOptions {
    int port = 0;  // 0: any free port, kept across restarts.
    // Receives its output except for its address; called on a separate thread. May be empty.
    std::function<void(std::string_view line)> on_line;
    std::chrono::milliseconds start_timeout{30'000};
    std::stop_token give_up;  // Ends start and restart soon after a request: kCancelled.
};

class MockBroker {
 public:
    static Result<std::unique_ptr<MockBroker>> start(MockBrokerOptions options = {});

    ~MockBroker();  // kill()

    const std::string& bootstrap() const { return bootstrap_; }  // "127.0.0.1:PORT"
    bool running();
    void kill();       // Loses every topic, record and offset. Idempotent.
    Status restart();  // Starts empty, on the same port.

 private:
    explicit MockBroker(MockBrokerOptions options) : options_(std::move(options)) {}

    MockBrokerOptions options_;
    std::string bootstrap_;
    std::unique_ptr<process::ChildProcess> server_;
};

}  // namespace millrace::embedded

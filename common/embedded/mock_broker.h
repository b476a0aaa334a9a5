// The in-memory broker as a process of its own: the program millrace-broker (librdkafka's mock
// cluster). It speaks Kafka's protocol on 127.0.0.1, forgets everything when it ends, and needs no
// Java.
//
// Threads:   one caller at a time.
// Owns:      the process.
// Errors:    kNotFound: the program is not there; kUnavailable: it did not start.
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
    int port = 0;  // 0: any free port, kept over restarts.
    // What it writes besides its address; called on a thread of its own. May be empty.
    std::function<void(std::string_view line)> on_line;
    std::chrono::milliseconds start_timeout{30'000};
    std::stop_token give_up;  // Ends start and restart soon after it is requested: kCancelled.
};

class MockBroker {
 public:
    static Result<std::unique_ptr<MockBroker>> start(MockBrokerOptions options = {});

    ~MockBroker();  // kill()

    const std::string& bootstrap() const { return bootstrap_; }  // "127.0.0.1:PORT"
    bool running();
    void kill();       // And with it every topic, record and offset. Idempotent.
    Status restart();  // Empty, on the same port.

 private:
    explicit MockBroker(MockBrokerOptions options) : options_(std::move(options)) {}

    MockBrokerOptions options_;
    std::string bootstrap_;
    std::unique_ptr<process::ChildProcess> server_;
};

}  // namespace millrace::embedded

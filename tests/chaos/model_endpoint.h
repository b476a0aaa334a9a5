// A model server that workers reach over HTTP, and that can fail.
//
// Threads: thread-safe.
#pragma once

#include <atomic>
#include <string>

#include "tests/e2e/stack.h"
#include "tests/support/fake_server.h"

namespace millrace::chaos {

class ModelEndpoint {
 public:
    static constexpr auto kModel = "fake";

    ModelEndpoint();

    // The settings that let workers use it. They also name a second server, which never answers.
    test::Settings settings() const;

    // While it is ill it has no capacity: 503.
    void set_ill(bool ill) { ill_ = ill; }

 private:
    std::atomic<bool> ill_{false};
    process::PortReservation dead_ = process::PortReservation::any().value();
    test::FakeServer server_;
};

}  // namespace millrace::chaos

// What `millrace up` shows while it runs: one line that is drawn over itself on a terminal, plain
// lines when something changed elsewhere.
//
// Threads: one caller at a time. Blocks: refresh(), for two small requests.
#pragma once

#include <optional>
#include <string>

#include "common/base/clock.h"
#include "producer/cli/api_client.h"

namespace millrace::cli {

class LiveStatus {
 public:
    explicit LiveStatus(const Clock& clock) : clock_(clock) {}

    // From now on refresh() shows what this gateway says.
    void follow(std::string url) { api_.emplace(std::move(url)); }

    // Prints a line of its own, above the live one.
    void say(const std::string& line);
    // At most once a second on a terminal, once in ten elsewhere; else returns at once.
    void refresh();
    // Leaves the live line behind.
    void finish();

 private:
    std::string summary();
    void erase();

    std::optional<ApiClient> api_;
    const Clock& clock_;
    MonoTime next_;
    std::string shown_;
};

}  // namespace millrace::cli

#include "producer/cli/live_status.h"

#include <fmt/format.h>

#include <cstdio>

#include "producer/cli/terminal.h"

namespace millrace::cli {

void LiveStatus::say(const std::string& line) {
    erase();
    fmt::print("{}\n", line);
    if (is_terminal()) fmt::print("{}", shown_);
    std::fflush(stdout);
}

void LiveStatus::refresh() {
    if (!api_ || clock_.now() < next_) return;
    next_ = clock_.now() + std::chrono::seconds(is_terminal() ? 1 : 10);
    const auto line = summary();
    if (line == shown_) return;
    erase();
    shown_ = line;
    fmt::print("{}{}", shown_, is_terminal() ? "" : "\n");
    std::fflush(stdout);
}

void LiveStatus::finish() {
    if (is_terminal() && !shown_.empty()) fmt::print("\n");
    shown_.clear();
}

std::string LiveStatus::summary() {
    const auto queues = api_->queues();
    const auto workers = api_->workers();
    if (!queues.has_value() || !workers.has_value()) return "the gateway does not answer";
    std::string waiting;
    std::int64_t running = 0;
    for (const auto& lane : (*queues)["data"]) {
        const auto queued = lane.value("queued", std::int64_t{0});
        running += lane.value("in_progress", std::int64_t{0});
        if (queued == 0) continue;
        waiting += fmt::format("{}{}/{} {}", waiting.empty() ? "" : ", ",
                               lane.value("queue", std::string()),
                               lane.value("priority", std::string()), queued);
    }
    int alive = 0;
    for (const auto& worker : (*workers)["data"]) {
        alive += worker.value("state", std::string()) == "alive" ? 1 : 0;
    }
    return fmt::format("workers {} · running {} · waiting {}", alive, running,
                       waiting.empty() ? "0" : waiting);
}

void LiveStatus::erase() {
    if (is_terminal() && !shown_.empty()) fmt::print("\r\x1b[K");
}

}  // namespace millrace::cli

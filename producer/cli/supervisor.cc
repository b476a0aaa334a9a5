#include "producer/cli/supervisor.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::cli {
namespace {

constexpr milliseconds kPauseMin{500};
constexpr milliseconds kPauseMax{30000};
constexpr std::chrono::seconds kStableAfter{60};  // Then the pause starts anew.

}  // namespace

Status Supervisor::start(Service service) {
    TRY_STATUS(service.start());
    services_.push_back({.service = std::move(service), .started_at = clock_.now()});
    return ok();
}

void Supervisor::watch() {
    for (auto& watched : services_) {
        if (!watched.down && !watched.service.running()) notice_end(watched);
        if (watched.down && clock_.now() >= watched.restart_at) restart(watched);
    }
}

void Supervisor::notice_end(Watched& watched) {
    const auto now = clock_.now();
    const bool was_stable = now - watched.started_at >= kStableAfter;
    watched.pause = was_stable ? kPauseMin : std::clamp(watched.pause * 2, kPauseMin, kPauseMax);
    watched.restart_at = now + watched.pause;
    watched.down = true;
    say_(fmt::format("{} ended ({}); restarting it in {} ms", watched.service.name,
                     watched.service.how_it_ended(), watched.pause.count()));
}

void Supervisor::restart(Watched& watched) {
    const auto started = watched.service.start();
    watched.started_at = clock_.now();
    if (started.has_value()) {
        watched.down = false;
        say_(fmt::format("{} is running again", watched.service.name));
        return;
    }
    watched.pause = std::clamp(watched.pause * 2, kPauseMin, kPauseMax);
    watched.restart_at = clock_.now() + watched.pause;
    say_(fmt::format("{} did not start: {}; trying again in {} ms", watched.service.name,
                     started.error().message, watched.pause.count()));
}

void Supervisor::stop_all() {
    for (auto& watched : services_) {
        if (watched.service.ask_to_stop) watched.service.ask_to_stop();
    }
    for (; !services_.empty(); services_.pop_back()) services_.back().service.stop();
}

}  // namespace millrace::cli

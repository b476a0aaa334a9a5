#include "producer/cli/up/supervisor.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::cli::up {
namespace {

constexpr milliseconds kPauseMin{500};
constexpr milliseconds kPauseMax{30000};
constexpr std::chrono::seconds kStableAfter{60};  // Then the pause starts from its minimum again.
constexpr milliseconds kStopPoll{20};

}  // namespace

Status Supervisor::start(Service service) {
    TRY_STATUS(service.start());
    services_.push_back({.service = std::move(service), .started_at = clock_.now()});
    look_if_ready(services_.back());
    return ok();
}

Status Supervisor::watch() {
    for (auto& watched : services_) {
        if (!watched.down && !watched.service.running()) {
            const auto how = watched.service.how_it_ended();
            if (!watched.was_ready) {
                return Error{ErrorCode::kUnavailable,
                             fmt::format("{} did not start: {}", watched.service.name, how)};
            }
            notice_end(watched, how);
        }
        if (watched.down && clock_.now() >= watched.restart_at) restart(watched);
        if (!watched.down && !watched.is_ready) look_if_ready(watched);
    }
    return ok();
}

bool Supervisor::all_ready() const {
    return std::ranges::all_of(services_, &Watched::is_ready);
}

void Supervisor::look_if_ready(Watched& watched) {
    watched.is_ready = !watched.service.ready || watched.service.ready();
    if (watched.is_ready && watched.was_ready) {
        say_(fmt::format("{} is running again", watched.service.name));
    }
    watched.was_ready = watched.was_ready || watched.is_ready;
}

void Supervisor::notice_end(Watched& watched, const std::string& how) {
    const auto now = clock_.now();
    const bool was_stable = now - watched.started_at >= kStableAfter;
    watched.pause = was_stable ? kPauseMin : std::clamp(watched.pause * 2, kPauseMin, kPauseMax);
    watched.restart_at = now + watched.pause;
    watched.down = true;
    watched.is_ready = false;
    say_(fmt::format("{} ended: {}\n  starting it again in {} ms", watched.service.name, how,
                     watched.pause.count()));
}

void Supervisor::restart(Watched& watched) {
    const auto started = watched.service.start();
    watched.started_at = clock_.now();
    if (started.has_value()) {
        watched.down = false;
        return;
    }
    if (started.error().code == ErrorCode::kCancelled) return;
    watched.pause = std::clamp(watched.pause * 2, kPauseMin, kPauseMax);
    watched.restart_at = clock_.now() + watched.pause;
    say_(fmt::format("{} did not start: {}\n  trying again in {} ms", watched.service.name,
                     started.error().message, watched.pause.count()));
}

void Supervisor::stop_all(const std::stop_token& hurry) {
    for (auto& watched : services_) {
        const auto& service = watched.service;
        if (service.stops_early && service.running() && !hurry.stop_requested()) {
            ask_to_stop(watched);
        }
    }
    for (; !services_.empty(); services_.pop_back()) stop(services_.back(), hurry);
}

void Supervisor::ask_to_stop(Watched& watched) {
    watched.service.ask_to_stop();
    watched.asked_at = clock_.now();
}

void Supervisor::stop(Watched& watched, const std::stop_token& hurry) {
    const auto& service = watched.service;
    if (service.running() && !hurry.stop_requested()) {
        if (!service.stops_early) ask_to_stop(watched);
        const auto deadline = clock_.now() + service.grace;
        const auto was_idle = [&] {
            return service.was_idle && service.was_idle(watched.asked_at);
        };
        while (service.running() && clock_.now() < deadline && !hurry.stop_requested() &&
               !was_idle()) {
            wait_(kStopPoll);
        }
    }
    service.kill();
}

}  // namespace millrace::cli::up

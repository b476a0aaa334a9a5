#include "worker/backends/oip/servers.h"

#include <algorithm>

#include "common/base/check.h"

namespace millrace::backends::oip {
namespace {

constexpr int kFailuresMax = 3;
constexpr milliseconds kDelayMin{1000};
constexpr milliseconds kDelayMax{5'000};

}  // namespace

bool ModelHealth::is_open() const {
    return failures_ >= kFailuresMax;
}

ModelHealth::Permit ModelHealth::permit(MonoTime now) const {
    if (!is_open()) return Permit::kAny;
    return probing_ || now < retry_at_ ? Permit::kNone : Permit::kProbe;
}

bool ModelHealth::alive() {
    const bool was_open = is_open();
    *this = {};
    return was_open;
}

bool ModelHealth::failed(bool is_dead, MonoTime now) {
    const bool was_open = is_open();
    // Sent before it opened: nothing new.
    if (was_open && !probing_) return false;
    failures_ = is_dead ? kFailuresMax : std::min(failures_ + 1, kFailuresMax);
    probing_ = false;
    if (!is_open()) return false;
    delay_ = std::clamp(2 * delay_, kDelayMin, kDelayMax);
    retry_at_ = now + delay_;
    return !was_open;
}

milliseconds ModelHealth::wait(MonoTime now) const {
    if (!is_open()) return milliseconds(0);
    // A probe under way may take any time; asking again in a while costs little.
    if (now >= retry_at_) return probing_ ? kDelayMin : milliseconds(0);
    return std::chrono::ceil<milliseconds>(retry_at_ - now);
}

Servers::Servers(std::vector<std::string> base_urls) {
    CHECK(!base_urls.empty());
    for (auto& base_url : base_urls) servers_.push_back({.base_url = std::move(base_url)});
}

std::optional<Servers::Choice> Servers::choose(const std::string& model, MonoTime now) {
    std::optional<Choice> best;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const auto index = (turn_ + i) % servers_.size();
        const auto permit = health(index, model).permit(now);
        if (permit == ModelHealth::Permit::kNone) continue;
        // A probe that is due goes first: otherwise a server would stay out for as long as others
        // work.
        if (permit == ModelHealth::Permit::kProbe) {
            best = {index, /*is_probe=*/true};
            break;
        }
        if (!best || servers_[index].in_flight < servers_[best->index].in_flight) {
            best = {index, /*is_probe=*/false};
        }
    }
    if (!best) return best;
    if (best->is_probe) health(best->index, model).probing();
    ++servers_[best->index].in_flight;
    turn_ = (best->index + 1) % servers_.size();
    return best;
}

milliseconds Servers::wait(const std::string& model, MonoTime now) {
    auto least = kDelayMax;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        least = std::min(least, health(i, model).wait(now));
    }
    return least;
}

}  // namespace millrace::backends::oip

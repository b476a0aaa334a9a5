#include "tests/simulation/world.h"

#include <algorithm>
#include <utility>

namespace millrace::simulation {
namespace {

constexpr MonoTime kBeginning{std::chrono::hours(1)};
constexpr int kDepthMax = 4;

}  // namespace

World::World(std::uint64_t seed, std::function<void(const std::string&)> tell)
    : random_(seed), tell_(std::move(tell)), now_(kBeginning) {}

microseconds World::age() const {
    return std::chrono::duration_cast<microseconds>(now_ - kBeginning);
}

microseconds World::between(microseconds low, microseconds high) {
    const auto width = static_cast<std::uint64_t>((high - low).count());
    return low + microseconds(width == 0 ? 0 : random_.below(width));
}

bool World::is_later(const Event& a, const Event& b) {
    return std::pair(a.when, a.number) > std::pair(b.when, b.number);
}

void World::at(MonoTime when, std::function<void()> run) {
    events_.push_back({std::max(when, now_), events_so_far_++, std::move(run)});
    std::ranges::push_heap(events_, is_later);
}

void World::run_until(MonoTime end) {
    while (!stopped_ && !events_.empty() && events_.front().when <= end) {
        std::ranges::pop_heap(events_, is_later);
        const auto event = std::move(events_.back());
        events_.pop_back();
        now_ = std::max(now_, event.when);
        const auto ticks = static_cast<std::uint64_t>(now_.time_since_epoch().count());
        fingerprint_ = (fingerprint_ ^ ticks) * 0x100000001b3 + event.number;
        event.run();
    }
    if (!stopped_) now_ = std::max(now_, end);
}

void World::wait(microseconds duration) {
    if (depth_ == kDepthMax) return;
    const auto end = std::min(now_ + duration, horizon_);
    const auto outer = std::exchange(horizon_, end);
    ++depth_;
    run_until(end);
    --depth_;
    horizon_ = outer;
}

void World::tell(std::string_view who, const std::string& what) const {
    const auto us = age().count();
    tell_(fmt::format("{:4}.{:06} {:12} {}", us / 1000000, us % 1000000, who, what));
}

}  // namespace millrace::simulation

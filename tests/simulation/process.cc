#include "tests/simulation/process.h"

#include <algorithm>
#include <utility>

namespace millrace::simulation {

namespace {

// How soon a paused process notices that its pause is over.
constexpr milliseconds kPausedLook{100};

}  // namespace

SkewedClock::SkewedClock(World& world) : world_(world), since_(world.now()) {
    if (world.chance(0.5)) return;
    const auto range = 2 * static_cast<std::uint64_t>(kRateErrorMax) + 1;
    rate_error_ = static_cast<std::int64_t>(world.random().below(range)) - kRateErrorMax;
    offset_ = world.between(-std::chrono::hours(24), std::chrono::hours(24));
}

MonoTime SkewedClock::now() const {
    const auto elapsed = std::chrono::duration_cast<microseconds>(world_.now() - since_);
    return since_ + elapsed + elapsed * rate_error_ / 1000000;
}

WallTime SkewedClock::wall() const {
    const auto since_epoch = std::chrono::duration_cast<microseconds>(now().time_since_epoch());
    return std::chrono::sys_days(std::chrono::year(2026) / 1 / 1) + since_epoch + offset_;
}

Process::Process(World& world, std::string name)
    : world_(world), name_(std::move(name)), clock_(world) {}

void Process::kill() {
    alive_ = false;
}

void Process::pause(microseconds duration) {
    paused_until_ = std::max(paused_until_, world_.now() + duration);
}

void Process::cut_off(microseconds duration) {
    cut_off_until_ = std::max(cut_off_until_, world_.now() + duration);
}

void Process::heal() {
    paused_until_ = MonoTime::min();
    cut_off_until_ = MonoTime::min();
}

void Process::after(microseconds delay, std::function<void()> run) {
    world_.after(delay, [weak = weak_from_this(), run = std::move(run)]() mutable {
        const auto self = weak.lock();
        if (!self || !self->alive_) return;
        if (self->is_paused()) {
            self->after(kPausedLook, std::move(run));
        } else {
            run();
        }
    });
}

Process::ThreadId Process::add_thread(milliseconds interval, std::function<void()> step) {
    const auto id = threads_.size();
    threads_.push_back(std::make_unique<Thread>(Thread{interval, std::move(step)}));
    schedule(id, world_.between(microseconds(0), milliseconds(5)));
    return id;
}

void Process::wake(ThreadId id) {
    const auto soon = world_.between(microseconds(0), milliseconds(2));
    if (world_.now() + soon < threads_[id]->due) schedule(id, soon);
}

void Process::schedule(ThreadId id, microseconds delay) {
    auto& thread = *threads_[id];
    thread.due = world_.now() + delay;
    after(delay, [this, id, turn = ++thread.turn] { take_turn(id, turn); });
}

void Process::take_turn(ThreadId id, std::uint64_t turn) {
    auto& thread = *threads_[id];
    if (turn != thread.turn) return;
    // The step waits further down the stack, and goes on when this call has returned.
    if (thread.running) return schedule(id, thread.interval);
    thread.running = true;
    thread.due = MonoTime::max();
    thread.step();
    thread.running = false;
    const auto slowest = thread.interval * 4;
    // If it was woken while it ran, its next turn is scheduled already.
    const bool woken = thread.due != MonoTime::max();
    if (!woken) schedule(id, world_.between(thread.interval / 2, slowest));
}

}  // namespace millrace::simulation

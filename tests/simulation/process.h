// A process of the simulated world: threads that take their turns, a clock that may be wrong, and a
// life that may end at any moment.
//
// A thread is a step that is called again after its interval (or a multiple: machines are slow), or
// soon after it was woken. A step that waits is not entered again before it has returned.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/world.h"

namespace millrace::simulation {

// The lease's ttl of all workers: long compared with a call, short compared with a life.
inline constexpr milliseconds kLeaseTtl{6000};

// A machine's clock: its monotonic time runs at its own rate, and its wall time is off.
class SkewedClock : public Clock {
 public:
    explicit SkewedClock(World& world);
    MonoTime now() const override;
    WallTime wall() const override;

    // The maximum error of a clock's rate: leases keep a margin for it.
    static constexpr int kRateErrorMax = 40000;  // In parts per million.

 private:
    const World& world_;
    const MonoTime since_;
    std::int64_t rate_error_ = 0;
    microseconds offset_{0};
};

class Process : public std::enable_shared_from_this<Process> {
 public:
    Process(World& world, std::string name);
    virtual ~Process() = default;

    World& world() const { return world_; }
    const std::string& name() const { return name_; }
    const Clock& clock() const { return clock_; }

    // --- What can happen to it ---
    // After kill(), nothing that it does reaches anyone. Its memory is freed once no step is under
    // way.
    void kill();
    void pause(microseconds duration);
    // Its calls to the store fail meanwhile.
    void cut_off(microseconds duration);
    void heal();

    bool is_alive() const { return alive_; }
    bool is_paused() const { return world_.now() < paused_until_; }
    bool is_cut_off() const { return world_.now() < cut_off_until_; }

    // Runs `run` after the delay, or when the process goes on after a pause; never once it is dead.
    void after(microseconds delay, std::function<void()> run);

 protected:
    using ThreadId = std::size_t;

    ThreadId add_thread(milliseconds interval, std::function<void()> step);
    void wake(ThreadId id);

 private:
    struct Thread {
        milliseconds interval;
        std::function<void()> step;
        MonoTime due;
        std::uint64_t turn = 0;  // The turn of the valid event; earlier events are void.
        bool running = false;
    };

    void schedule(ThreadId id, microseconds delay);
    void take_turn(ThreadId id, std::uint64_t turn);

    World& world_;
    const std::string name_;
    const SkewedClock clock_;
    bool alive_ = true;
    MonoTime paused_until_ = MonoTime::min();
    MonoTime cut_off_until_ = MonoTime::min();
    std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace millrace::simulation

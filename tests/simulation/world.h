// Virtual time, and the order of turns. There is one thread, and a seed decides everything.
//
// A world is a queue of events in the order of their time. A call that would block in production
// lets others move meanwhile: wait() runs their events inside the caller's. So the threads of a
// process, and all processes, interleave at exactly the points where real ones wait.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "tests/support/seeded_random.h"

namespace millrace::simulation {

using std::chrono::microseconds;
using std::chrono::seconds;

class World {
 public:
    // `tell` gets the trace, line by line; it may be empty.
    World(std::uint64_t seed, std::function<void(const std::string&)> tell);

    MonoTime now() const { return now_; }
    // Returns the time since the beginning.
    microseconds age() const;

    // --- Chance ---
    Random& random() { return random_; }
    bool chance(double probability) { return random_.unit() < probability; }
    // Uniform in [low, high).
    microseconds between(microseconds low, microseconds high);

    // --- Events ---
    void at(MonoTime when, std::function<void()> run);
    void after(microseconds delay, std::function<void()> run) { at(now_ + delay, std::move(run)); }
    // Runs all events until `end`, or until stop().
    void run_until(MonoTime end);
    void stop() { stopped_ = true; }
    bool stopped() const { return stopped_; }
    // Blocks the caller's step for this long, but not beyond the end of an outer wait.
    void wait(microseconds duration);
    // A step is under way, so nothing that it uses may be freed.
    bool is_nested() const { return depth_ > 0; }

    // --- Trace ---
    template <class... Args>
    void say(std::string_view who, fmt::format_string<Args...> format, Args&&... args) {
        if (tell_) tell(who, fmt::format(format, std::forward<Args>(args)...));
    }
    // Differs between runs that differ.
    std::uint64_t fingerprint() const { return fingerprint_; }

 private:
    struct Event {
        MonoTime when;
        std::uint64_t number = 0;  // First come, first served.
        std::function<void()> run;
    };

    static bool is_later(const Event& a, const Event& b);
    void tell(std::string_view who, const std::string& what) const;

    test::SeededRandom random_;
    const std::function<void(const std::string&)> tell_;
    MonoTime now_;
    MonoTime horizon_ = MonoTime::max();  // When the innermost wait ends.
    int depth_ = 0;
    bool stopped_ = false;
    std::vector<Event> events_;  // A heap.
    std::uint64_t events_so_far_ = 0;
    std::uint64_t fingerprint_ = 0;
};

}  // namespace millrace::simulation

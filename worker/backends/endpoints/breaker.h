// A circuit breaker: keeps calls away from an endpoint that fails, and finds out with single calls
// whether it is well again. Inference results move it, nothing else: servers go on saying "ready"
// when their model has died.
//
//   closed ── half of the last calls failed ──► open ── its time is over ──► half open
//     ▲                                          ▲                              │ one probe
//     └──────────── the probe succeeds ──────────┼──────────────────────────────┤
//                                                └── the probe fails: twice the time, up to a bound
//
// The bound is seconds: a probe is one call, and those that wait here want to know soon.
//
// Refusals for lack of capacity are none of its business: a busy server is a healthy one.
//
// Pure arithmetic on the times it is given. The constants are those of serving-facts.md 3.3.
//
// Threads:   one caller at a time.
#pragma once

#include <cstddef>
#include <deque>

#include "common/base/clock.h"
#include "common/base/random.h"

namespace millrace::worker {

struct BreakerOptions {
    std::size_t window_calls = 20;   // The last calls that count,
    milliseconds window{30'000};     // none of them older than this.
    std::size_t calls_min = 5;       // Fewer do not open it.
    double failure_share = 0.5;      // Of the calls that count: opens it.
    milliseconds open_first{1'000};  // How long it stays open; doubles with each failed probe,
    milliseconds open_max{5'000};    // up to this.
    double jitter = 0.2;             // It is shorter than that by up to this share of it.
};

enum class BreakerState { kClosed, kHalfOpen, kOpen };

class Breaker {
 public:
    enum class Verdict {
        kSuccess,
        kFailure,
        kNone,  // The call says nothing about the endpoint: it was given up on our side.
    };

    explicit Breaker(BreakerOptions options = {}) : options_(options) {}

    BreakerState state(MonoTime now) const;
    // Whether a call may begin: closed, or half open without a probe under way.
    bool admits(MonoTime now) const;
    // Until it becomes half open; zero unless open.
    milliseconds open_for(MonoTime now) const;

    // A call begins; true when it is the probe. Requires: admits(now).
    bool begin(MonoTime now);
    // A call ends, or its verdict is known earlier; `is_probe` as begin() said. Calls that began
    // before it opened count for nothing when they end after.
    void end(bool is_probe, Verdict verdict, MonoTime now, Random& random);

 private:
    struct Call {
        MonoTime at;
        bool failed = false;
    };

    void record(bool failed, MonoTime now);
    bool has_failed() const;
    void open(MonoTime now, Random& random);
    void close();

    BreakerOptions options_;
    std::deque<Call> calls_;  // The window, oldest first; empty unless closed.
    bool is_open_ = false;
    bool is_probing_ = false;
    MonoTime open_until_;
    milliseconds open_time_{0};  // Of the last opening, before its jitter.
};

}  // namespace millrace::worker

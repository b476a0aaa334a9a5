// A circuit breaker: keeps calls away from an endpoint that fails, and finds out with single calls
// whether it works again. Only inference results change its state: servers go on reporting "ready"
// after their model has died.
//
//   closed ── half of the last calls failed ──► open ── its time is over ──► half open
//     ▲                                          ▲                              │ one probe
//     └──────────── the probe succeeds ──────────┼──────────────────────────────┤
//                                                └── the probe fails: twice the time, up to a bound
//
// The bound is seconds: a probe costs only one call, and waiting jobs need the result soon.
//
// A failure that leaves no doubt opens it at once. Refusals for lack of capacity do not count: a
// busy server is a healthy one.
//
// Pure arithmetic on the times it is given. The share of failures is resilience4j's default. Its
// window of 100 calls would be too slow where a call may take a minute; the smaller one and the
// times are judgement, not measured.
//
// Threads:   one caller at a time.
#pragma once

#include <cstddef>
#include <deque>

#include "common/base/clock.h"
#include "common/base/random.h"

namespace millrace::backends::serving::pool {

struct BreakerOptions {
    std::size_t window_calls = 20;   // Only the last calls count,
    milliseconds window{30'000};     // and only those not older than this.
    std::size_t calls_min = 5;       // With fewer calls it does not open.
    double failure_share = 0.5;      // It opens at this share of failed calls.
    milliseconds open_first{1'000};  // How long it stays open; doubles with each failed probe,
    milliseconds open_max{5'000};    // up to this.
    double jitter = 0.2;  // The time is shortened by a random share of itself, up to this.
};

enum class BreakerState { kClosed, kHalfOpen, kOpen };

class Breaker {
 public:
    enum class Verdict {
        kSuccess,
        kFailure,
        kDead,  // A failure that leaves no doubt: the breaker opens at once.
        kNone,  // The call says nothing about the endpoint: the worker gave up.
    };

    explicit Breaker(BreakerOptions options = {}) : options_(options) {}

    BreakerState state(MonoTime now) const;
    // Whether a call may begin: the breaker is closed, or half open without a probe under way.
    bool admits(MonoTime now) const;
    // Time until it becomes half open; zero unless it is open.
    milliseconds open_for(MonoTime now) const;

    // A call begins; returns whether it is the probe. Requires: admits(now).
    bool begin(MonoTime now);
    // A call ends, or its verdict is known earlier. `is_probe` is what begin() returned, at
    // `begun`. A call that began before the breaker opened and ends after that does not count, not
    // even when the breaker is closed again: it tells of the time before.
    void end(bool is_probe, MonoTime begun, Verdict verdict, MonoTime now, Random& random);

 private:
    struct Call {
        MonoTime at;
        bool failed = false;
    };

    void record(bool failed, MonoTime now);
    bool has_failed() const;
    void open(MonoTime now, Random& random);
    void close(MonoTime now);

    BreakerOptions options_;
    std::deque<Call> calls_;  // The window, oldest first; empty unless closed.
    bool is_open_ = false;
    bool is_probing_ = false;
    MonoTime open_until_;
    MonoTime closed_at_ = MonoTime::min();
    milliseconds open_time_{0};  // Of the last opening, before jitter.
};

}  // namespace millrace::backends::serving::pool

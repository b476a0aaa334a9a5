// How many calls an endpoint gets at a time, learned from its refusals: additive increase,
// multiplicative decrease, as TCP does it.
//
// A refusal cuts the limit to 0.7 of it, at most once a round trip: calls that began before the
// last cut say nothing new. Each window (as many successes as the limit) adds one, if the limit
// was in use. An outage cuts many times in a row; from there the limit returns faster, by one with
// each success, up to where the first of those cuts had put it. Losses steer it and latency does
// not: the latter differs a thousandfold with the length of an output. Where a server tells how
// many calls it queues, those steer it too: what waits there cannot be put in order any more.
//
// The constants are those of serving-facts.md 3.3.
//
// Threads:   one caller at a time.
#pragma once

#include <cstddef>

#include "common/base/clock.h"

namespace millrace::worker {

class ConcurrencyLimit {
 public:
    // Begins at `most`, which it never exceeds: where a server queues silently what it cannot run,
    // no loss would ever stop the growth. Requires: most >= 1.
    explicit ConcurrencyLimit(std::size_t most);

    std::size_t value() const { return static_cast<std::size_t>(limit_); }  // >= 1

    // A call was served; `in_flight` counts it too.
    void on_success(std::size_t in_flight);
    // A call that began at `started` was refused for lack of capacity.
    void on_refusal(MonoTime started, MonoTime now);
    // The server said, to a question of `asked`, that so many calls wait inside it. While there are
    // any the limit does not grow; more than five are a refusal, unless there are more in flight
    // than the limit has been cut to already.
    void on_queue(std::size_t waiting, std::size_t in_flight, MonoTime asked, MonoTime now);

 private:
    double most_;
    double limit_;
    double threshold_ = 0;    // Below it the limit grows with each success.
    bool has_served_ = true;  // Since the last cut.
    std::size_t window_ = 0;  // Successes that count towards the next step.
    MonoTime cut_at_ = MonoTime::min();
    bool is_queueing_ = false;
};

}  // namespace millrace::worker

// The number of calls that an endpoint gets at a time, learned from its refusals: additive
// increase, multiplicative decrease, as in TCP.
//
// A refusal multiplies the limit by 0.7, at most once per round trip: calls that began before the
// last cut say nothing new. Each window (as many successes as the limit) adds one, if the limit was
// in use. An outage cuts the limit many times in a row. From there it returns faster, by one with
// each success, up to the value after the first of those cuts. Refusals control it and latency does
// not: latency differs a thousandfold with the length of an output. If a server reports how many
// calls it queues, that number controls it too: calls that wait inside a server can no longer be
// put in order.
//
// The cut lies between those of llm-d's controller (0.5) and of Netflix's concurrency-limits (0.9).
// That the limit grows only when it is in use is from the latter, and five waiting calls are what
// Kubernetes' Gateway API Inference Extension calls a full server.
//
// Threads:   one caller at a time.
#pragma once

#include <cstddef>

#include "common/base/clock.h"

namespace millrace::backends::serving::pool {

class ConcurrencyLimit {
 public:
    // Starts at `most`, which it never exceeds: if a server silently queues what it cannot run, no
    // refusal would ever stop the growth. Requires: most >= 1.
    explicit ConcurrencyLimit(std::size_t most);

    std::size_t value() const { return static_cast<std::size_t>(limit_); }  // >= 1

    // A call was served. `in_flight` includes it.
    void on_success(std::size_t in_flight);
    // A call that began at `started` was refused for lack of capacity.
    void on_refusal(MonoTime started, MonoTime now);
    // The server reported, in reply to a probe sent at `asked`, that `waiting` calls wait inside
    // it. While there are any, the limit does not grow. More than five count as a refusal, unless
    // more calls are in flight than the limit allows: then it has already been cut.
    void on_queue(std::size_t waiting, std::size_t in_flight, MonoTime asked, MonoTime now);

 private:
    double most_;
    double limit_;
    double threshold_ = 0;    // Below it, the limit grows with each success.
    bool has_served_ = true;  // Whether a call was served since the last cut.
    std::size_t window_ = 0;  // Successes that count towards the next increase.
    MonoTime cut_at_ = MonoTime::min();
    bool is_queueing_ = false;
};

}  // namespace millrace::backends::serving::pool

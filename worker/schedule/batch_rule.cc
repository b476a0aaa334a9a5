#include "worker/schedule/batch_rule.h"

#include <algorithm>

namespace millrace::schedule {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

double ms_of(MonoTime time) {
    return Milliseconds(time.time_since_epoch()).count();
}

std::chrono::nanoseconds from_ms(double ms) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Milliseconds(ms));
}

}  // namespace

MonoTime BatchRule::start_at(const Waiting& waiting) const {
    if (waiting.is_full) return waiting.oldest_since;
    auto at = waiting.oldest_since + options_.delay;
    if (options_.mode == BatchMode::kAdaptive) {
        if (delay_.is_enough(waiting.jobs)) return waiting.oldest_since;
        at = std::min(at, MonoTime(from_ms(delay_.until())));
    }
    if (waiting.earliest_deadline == MonoTime::max()) return at;
    const auto expected = from_ms(cost_.ms(waiting.jobs) + cost_.deviation());
    return std::min(at, waiting.earliest_deadline - expected);
}

void BatchRule::arrived(MonoTime at) {
    delay_.arrived(ms_of(at));
}

void BatchRule::ended(MonoTime now, std::size_t waiting) {
    delay_.ended(ms_of(now), waiting,
                 {.cost = cost_, .batch_max = limits_.jobs_max, .slots = slots_});
}

void BatchRule::observe_cost(std::size_t jobs, std::chrono::nanoseconds took) {
    cost_.observe(jobs, Milliseconds(took).count());
}

}  // namespace millrace::schedule

#include "producer/keeper/duties.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/telemetry/telemetry.h"

namespace millrace::keeper {

using telemetry::Metric;

namespace {

constexpr int kDoublingsMax = 16;

}  // namespace

bool Duties::step(bool ages_are_right) {
    bool more = false;
    for (auto& entry : entries_) {
        if (clock_.now() < entry.due || (entry.duty.goes_by_age && !ages_are_right)) continue;
        more = run(entry) || more;
    }
    return more;
}

bool Duties::run(Entry& entry) {
    const auto& duty = entry.duty;
    const auto start = clock_.now();
    const auto work = duty.run();
    telemetry::observe<Metric::kKeeperSeconds>(clock_.now() - start, duty.name);
    if (!work) {
        entry.due = start + pause_after(entry.failures);
        telemetry::count<Metric::kKeeperErrors>(1, duty.name);
        if (entry.failures++ == 0) {
            log_warning("a keeper duty fails; it is tried again",
                        {{"duty", duty.name}, {"reason", work.error().message}});
        }
        return false;
    }
    if (std::exchange(entry.failures, 0) > 0) {
        log_info("a keeper duty works again", {{"duty", duty.name}});
    }
    if (work->busy) {
        entry.due = start + pause_after(entry.waits++);
        return false;
    }
    entry.waits = 0;
    if (work->led) telemetry::count<Metric::kKeeperRuns>(1, duty.name);
    if (work->rows > 0) telemetry::count<Metric::kKeeperRows>(work->rows, duty.name);
    entry.due = work->more ? start : start + duty.interval;
    return work->more;
}

milliseconds Duties::pause_after(int tries) {
    if (options_.retry_max <= options_.retry_min) return options_.retry_min;
    const auto pause =
        std::min(options_.retry_min * (std::int64_t{1} << std::min(tries, kDoublingsMax)),
                 options_.retry_max);
    return pause - milliseconds(random_.below(static_cast<std::uint64_t>(pause.count()) / 2 + 1));
}

}  // namespace millrace::keeper

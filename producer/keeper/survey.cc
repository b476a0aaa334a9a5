#include "producer/keeper/survey.h"

#include <utility>

#include "common/job/job_state.h"
#include "common/telemetry/telemetry.h"

namespace millrace::keeper {

using telemetry::Metric;
using telemetry::Seconds;

namespace {

constexpr milliseconds kMeasureInterval = std::chrono::seconds(5);
constexpr std::size_t kHintsMax = 1000;  // Pairs of a lane and a model in one message.

}  // namespace

Survey::Survey(KeeperOptions options, const Clock& clock, Random& random, storage::JobStore& store,
               events::Announcer& announcer)
    : options_(options),
      store_(store),
      announcer_(announcer),
      duties_({options.interval, options.interval}, clock, random) {
    duties_.add({"hint", options_.hint_interval, false, [this] { return hint(); }});
    duties_.add({"measure", kMeasureInterval, false, [this] { return measure(); }});
}

Result<Work> Survey::measure() {
    TRY(const auto lanes, store_.lane_stats());
    for (const auto& lane : lanes) {
        const auto priority = name(lane.priority);
        const auto set = [&](JobState state, std::int64_t jobs) {
            telemetry::set<Metric::kQueueJobs>(jobs, lane.queue, priority, name(state));
        };
        set(JobState::kQueued, lane.queued);
        set(JobState::kScheduled, lane.scheduled);
        set(JobState::kInProgress, lane.in_progress);
        const Seconds oldest = lane.oldest_age.value_or(milliseconds(0));
        telemetry::set<Metric::kQueueOldestSeconds>(oldest.count(), lane.queue, priority);
    }
    return Work{true, 0, false};
}

// Every gateway sends its own hints: they cost little, and none has to lead.
Result<Work> Survey::hint() {
    // The reply may take long; its ages are as old as the query.
    const auto asked_at = store_.database_time();
    TRY(auto ages, store_.lane_ages(kHintsMax));
    wire::LaneHints hints{.measured_at = asked_at,
                          .interval = options_.hint_interval,
                          .is_complete = ages.size() < kHintsMax,
                          .lanes = {}};
    for (auto& lane : ages) {
        hints.lanes.push_back(
            {std::move(lane.queue), lane.priority, std::move(lane.model), lane.oldest});
    }
    announcer_.hint(hints);
    return Work{true, 0, false};
}

}  // namespace millrace::keeper

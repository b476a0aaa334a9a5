#include "worker/consume/consumer.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/telemetry/telemetry.h"
#include "common/wire/messages.h"

namespace millrace::consume {

using telemetry::Metric;

Consumer::Consumer(broker::Subscriber& subscriber, const broker::Topics& topics,
                   schedule::Lanes& lanes, OffsetTracker& offsets,
                   const schedule::ModelTable& models, const Clock& clock,
                   std::function<void()> on_candidates)
    : subscriber_(subscriber),
      lanes_(lanes),
      offsets_(offsets),
      models_(models),
      clock_(clock),
      on_candidates_(std::move(on_candidates)) {
    for (const auto& lane : lanes_.lanes()) {
        lane_of_.emplace(topics.jobs(lane.queue, lane.priority), topics_.size());
        topics_.push_back({.name = topics.jobs(lane.queue, lane.priority)});
    }
}

void Consumer::step(milliseconds timeout) {
    const auto messages = subscriber_.poll(room(), timeout);
    if (!messages.empty()) take(messages);
    for (const auto& run : offsets_.advance(clock_.now())) {
        subscriber_.done(run.topic, run.partition, run.offset);
    }
    pause_and_resume();
}

// Any lane may receive the whole poll, so the fullest lane that is not paused sets the limit. But
// every lane may overflow by a quarter, so that one that is almost full does not slow down the
// others.
std::size_t Consumer::room() const {
    auto room = lanes_.buffer_max();
    for (schedule::LaneIndex lane = 0; lane < topics_.size(); ++lane) {
        if (topics_[lane].paused) continue;
        const auto waiting = std::min(lanes_.waiting(lane), lanes_.buffer_max());
        room = std::min(room, lanes_.buffer_max() - waiting);
    }
    return std::max<std::size_t>({room, lanes_.buffer_max() / 4, 1});
}

void Consumer::take(const std::vector<broker::IncomingMessage>& messages) {
    const auto now = clock_.now();
    std::vector<schedule::Candidate> candidates;
    std::vector<schedule::MessageRef> skipped;
    candidates.reserve(messages.size());
    for (const auto& message : messages) {
        const auto lane = lane_of_.find(message.topic);
        if (lane == lane_of_.end()) continue;
        const auto ref = offsets_.track(message.topic, message.partition, message.offset, now);
        auto dispatch = wire::decode_dispatch(message.value);
        if (!dispatch.has_value()) {
            telemetry::count<Metric::kMessagesMalformed>(1, "jobs");
            log_warning(
                "skipped a message that is not a dispatch; if it was one, its job is stolen",
                {{"topic", message.topic},
                 {"partition", message.partition},
                 {"offset", message.offset},
                 {"error", dispatch.error().message}});
            skipped.push_back(ref);
            continue;
        }
        schedule::Candidate candidate{
            .id = dispatch->job, .lane = lane->second, .message = ref, .arrived = now};
        if (dispatch->spec) {
            candidate.backend = models_.find(dispatch->spec->model);
            if (!candidate.backend) {
                skipped.push_back(ref);
                continue;
            }
            candidate.spec = std::move(dispatch->spec);
        }
        candidates.push_back(std::move(candidate));
    }
    telemetry::count<Metric::kMessagesConsumed>(messages.size(), "jobs");
    offsets_.finish(skipped);
    if (candidates.empty()) return;
    lanes_.push(std::move(candidates));
    on_candidates_();
}

void Consumer::pause_and_resume() {
    for (schedule::LaneIndex lane = 0; lane < topics_.size(); ++lane) {
        auto& topic = topics_[lane];
        const auto waiting = lanes_.waiting(lane);
        if (!topic.paused && waiting >= lanes_.buffer_max()) {
            subscriber_.pause(topic.name);
            topic.paused = true;
        } else if (topic.paused && waiting <= lanes_.buffer_max() / 2) {
            subscriber_.resume(topic.name);
            topic.paused = false;
        }
    }
}

}  // namespace millrace::consume

// Reads jobs from the conveyor into the lanes: polls, decodes, and pauses a topic while its lane is
// full.
//
// Messages about models that no backend here serves are done with at once: workers that do serve
// them find the row by stealing. A message that cannot be decoded is counted and skipped; stealing
// finds its job in the store.
//
// Threads:   one caller at a time.
// Blocks:    step(), in Subscriber::poll only, up to its timeout.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "common/broker/broker.h"
#include "worker/consume/offset_tracker.h"
#include "worker/schedule/lanes.h"
#include "worker/schedule/model_table.h"

namespace millrace::consume {

class Consumer {
 public:
    // Borrows everything except `on_candidates`, which is called after candidates were added.
    Consumer(broker::Subscriber& subscriber, const broker::Topics& topics, schedule::Lanes& lanes,
             OffsetTracker& offsets, const schedule::ModelTable& models, const Clock& clock,
             std::function<void()> on_candidates);

    // Polls once, for up to `timeout`, and processes what arrives.
    void step(milliseconds timeout);

 private:
    struct Topic {
        std::string name;
        bool paused = false;
    };

    std::size_t room() const;
    void take(const std::vector<broker::IncomingMessage>& messages);
    void pause_and_resume();

    broker::Subscriber& subscriber_;
    schedule::Lanes& lanes_;
    OffsetTracker& offsets_;
    const schedule::ModelTable& models_;
    const Clock& clock_;
    const std::function<void()> on_candidates_;
    std::vector<Topic> topics_;  // One per lane.
    std::unordered_map<std::string, schedule::LaneIndex> lane_of_;
};

}  // namespace millrace::consume

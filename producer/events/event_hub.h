// Keeps the waiters of each job, and delivers notices to them.
//
// Notices come from Kafka, from the prober and from this gateway's own actions. Those of a lower
// epoch and those seen before are dropped. The end of a job always gets through, once.
//
// Threads:   thread-safe. Callbacks run on the notifying thread, outside all locks. Two threads may
//            deliver two notices of one job at the same time.
// Errors:    watch() returns null if `watchers_max` are already waiting.
// Blocks:    never.
#pragma once

#include <memory>
#include <vector>

#include "producer/service/job_events.h"

namespace millrace::events {

class EventHub final : public service::JobEvents {
 public:
    explicit EventHub(std::size_t watchers_max);
    ~EventHub() override;

    // The subscription may outlive the hub.
    std::unique_ptr<service::Subscription> watch(
        JobId job, service::Callback<const service::JobNotice&> notice) override;

    void notify(JobId job, const service::JobNotice& notice);

    // The jobs whose end somebody waits for.
    std::vector<JobId> awaited() const;
    bool idle() const;  // True if nobody waits.

 private:
    struct Registry;
    class Watch;
    std::shared_ptr<Registry> registry_;
};

}  // namespace millrace::events

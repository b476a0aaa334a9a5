// Who waits for which job, and the delivery of notices to them.
//
// Notices come from Kafka, from the prober, and from this gateway's own doings. Those of a lower
// epoch, or seen before, are dropped; the end of a job always gets through, once.
//
// Threads:   thread-safe. Callbacks run on the notifying thread, outside all locks; two notices of
//            one job may be delivered at the same time by two threads.
// Errors:    watch() returns null when `watchers_max` wait already.
// Blocks:    never.
#pragma once

#include <memory>
#include <vector>

#include "producer/intake/job_service.h"

namespace millrace::gateway {

class EventHub {
 public:
    explicit EventHub(std::size_t watchers_max);
    ~EventHub();

    // The subscription may outlive the hub.
    std::unique_ptr<Subscription> watch(JobId job, Callback<const JobNotice&> notice);

    void notify(JobId job, const JobNotice& notice);

    // Jobs whose end somebody waits for.
    std::vector<JobId> awaited() const;
    bool idle() const;  // Nobody waits for anything.

 private:
    struct Registry;
    class Watch;
    std::shared_ptr<Registry> registry_;
};

}  // namespace millrace::gateway

// The gateway behind its HTTP API: the parts (parts.h) and one thread for each part's step.
//
//   thread      connection  does
//   intake      own         group commits
//   dispatch    –           publishes to the lanes
//   topics      –           makes missing topics
//   reads       own         batched reads of single jobs
//   commands    own         cancels or retries one job; workers, readiness, new models
//   scans       own         lists, counts, cancels of many, retries of many
//   lanes       own         counts the jobs of each lane
//   events      –           reads the events topic
//   probe       own         reads the jobs that have waiters
//   keeper      own         the duties that keep jobs going
//   survey      own         looks at the lanes, for metrics and hints
//   chores      own         removes what is old, rotates partitions
//
// Threads:   the services from any; start() and stop() one caller at a time.
// Blocks:    start(), for one look at the store; stop(), until every accepted call is answered.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "producer/app/parts.h"
#include "producer/service/services.h"

namespace millrace::gateway {

class Gateway {
 public:
    Gateway(GatewayOptions options, Dependencies given);
    ~Gateway();

    // Checks the schema, registers the queues, then starts the threads. After an error nothing
    // runs, and it may be called again.
    Status start();
    // Refuses further calls, finishes the accepted ones and ends the threads. Idempotent; safe
    // before start().
    void stop();

    // They live as long as the gateway. After stop() they refuse every call.
    service::Services services();

 private:
    struct Threads;

    const std::unique_ptr<Parts> parts_;
    std::unique_ptr<Threads> threads_;  // Null: not running.
};

}  // namespace millrace::gateway

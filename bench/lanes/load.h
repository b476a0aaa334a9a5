// Jobs over REST: sent at a rate that waits for nobody, or by callers that each wait for their
// answer.
//
// Threads: one caller at a time.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "common/runtime/thread.h"

namespace millrace::bench {

// Returns the bytes of a submission.
std::string job_request(const std::string& model, const std::string& priority,
                        const std::string& input, const std::string& headers = {});

// Returns the bytes of the next request; called from several threads.
using Requests = std::function<std::string()>;

// An open loop: evenly sends this many submissions a second until it is destroyed.
class OpenLoop {
 public:
    OpenLoop(int port, Requests requests, double per_second);

 private:
    runtime::Thread thread_;
};

// The result of a closed loop, whose callers each wait for the answer to a job and send the next.
struct Seen {
    double per_second = 0;
    double mean_ms = 0;
};
// The requests must ask for an answer at the job's end. Jobs that end in the first fifth of the
// time do not count.
Seen closed_loop(int port, const Requests& requests, int callers, std::chrono::seconds duration);

// Waits while the load goes on.
void let_pass(std::chrono::seconds time);

}  // namespace millrace::bench

// Jobs over REST: at a rate that does not wait for anyone, or by callers who each wait for their
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

// The bytes of a submission.
std::string job_request(const std::string& model, const std::string& priority,
                        const std::string& input, const std::string& headers = {});

// The bytes of one request after the other; called from several threads.
using Requests = std::function<std::string()>;

// So many submissions a second, evenly, until it goes: an open loop.
class OpenLoop {
 public:
    OpenLoop(int port, Requests requests, double per_second);

 private:
    runtime::Thread thread_;
};

// What callers saw who each wait for the answer to a job and send the next: a closed loop.
struct Seen {
    double per_second = 0;
    double mean_ms = 0;
};
// The requests must ask to be answered at the job's end. What ends in the first fifth does not
// count.
Seen closed_loop(int port, const Requests& requests, int callers, std::chrono::seconds duration);

// The load goes on meanwhile.
void let_pass(std::chrono::seconds time);

}  // namespace millrace::bench

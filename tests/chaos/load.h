// Clients of the system: they submit planned jobs at a steady rate, whatever happens to the system,
// follow each to its end, and record every answer.
//
// A job's client sends again where that is safe: always after 429 and 503, and after a lost answer
// or a 504 if the job has a key. A job without a key whose answer was lost is given up, because it
// may exist. The client polls the job or waits for it, cancels it if planned, retries it by hand if
// planned and then follows the retry, and sometimes reads it again after its end. From time to time
// an operator redrives all marked jobs, which is to retry them by a filter.
//
// Threads:   one caller at a time; `clients` threads of its own.
// Blocks:    the destructor, for up to two requests.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/chaos/history.h"

namespace millrace::chaos {

struct LoadOptions {
    std::vector<std::string> urls;  // Of gateways; each request goes to any of them.
    std::uint64_t seed = 1;
    double jobs_per_second = 50;
    int clients = 16;
};

class Load {
 public:
    // Begins to submit. Borrows the history, which must outlive it.
    Load(LoadOptions options, HistoryWriter& history);
    ~Load();

    int submitted() const;   // Jobs that were planned so far.
    int in_flight() const;   // Those that are neither known as final nor given up.
    void stop_submitting();  // Continues to follow the jobs in flight.

 private:
    class Clients;
    std::unique_ptr<Clients> clients_;
};

}  // namespace millrace::chaos

// Clients of the system: they submit planned jobs at a steady rate, whatever happens to the system,
// follow each to its end, and write down everything they are told.
//
// A job's client sends again where that is safe: after 429 and 503 always, after a lost answer or a
// 504 when the job has a key. A job without a key whose answer was lost is given up: it may exist.
// It is polled, or waited for; cancelled where planned; retried by hand where planned, and then its
// retry is followed; and sometimes read again after its end. An operator redrives all that are
// marked, by a filter, now and then.
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
    std::vector<std::string> urls;  // Of gateways; each request goes to any.
    std::uint64_t seed = 1;
    double jobs_per_second = 50;
    int clients = 16;
};

class Load {
 public:
    // Submits from now on. Borrows the history, which must outlive it.
    Load(LoadOptions options, HistoryWriter& history);
    ~Load();

    int submitted() const;   // Jobs that were planned so far.
    int in_flight() const;   // … and are not known as final, nor given up.
    void stop_submitting();  // What is in flight is followed further.

 private:
    class Clients;
    std::unique_ptr<Clients> clients_;
};

}  // namespace millrace::chaos

// A table of duties of the keeper, each run when it is due.
//
// Duties that share a table share a thread: one that is slow holds up the others. So what must not
// wait for each other has tables, and stores, of its own (parts.h).
//
// Threads:   one caller at a time.
// Blocks:    step(), for as long as the duties that are due.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/base/result.h"

namespace millrace::keeper {

struct Work {
    bool led = true;       // False: another keeper did the work.
    std::size_t rows = 0;  // Moved, removed or created.
    bool more = false;     // There is more to do at once.
    bool busy = false;     // Others were in the way.
};

struct DutiesOptions {
    // The pause after a failure, or when others were in the way. It doubles each time, up to the
    // maximum, and is shortened by up to a half at random.
    milliseconds retry_min{1000};
    milliseconds retry_max{1000};
};

class Duties {
 public:
    Duties(DutiesOptions options, const Clock& clock, Random& random)
        : options_(options), clock_(clock), random_(random) {}

    // `goes_by_age`: it acts on the age of rows by PostgreSQL's clock.
    struct Duty {
        std::string_view name;
        milliseconds interval;
        bool goes_by_age = false;
        std::function<Result<Work>()> run;
    };
    void add(Duty duty) { entries_.push_back({.duty = std::move(duty)}); }

    // Runs each duty that is due, those that go by age only if `ages_are_right`. Returns true if
    // one of them has more to do at once.
    bool step(bool ages_are_right);

 private:
    struct Entry {
        Duty duty;
        MonoTime due = MonoTime::min();
        int failures = 0;  // In a row.
        int waits = 0;     // In a row, for others that were in the way.
    };

    bool run(Entry& entry);
    milliseconds pause_after(int tries);

    const DutiesOptions options_;
    const Clock& clock_;
    Random& random_;
    std::vector<Entry> entries_;
};

}  // namespace millrace::keeper

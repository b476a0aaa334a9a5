// Logs the reports of librdkafka, each kind at most once per period. Internal to the module.
//
// While a broker is away, a client reports it many times a second; the first line of each kind and
// a count of those left out carry the same information.
//
// Threads:   thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mutex.h"

namespace millrace::broker::kafka {

inline constexpr milliseconds kReportPeriod{10'000};

class Reporter {
 public:
    // `kind` comes from a small, closed set.
    void report(LogLevel level, std::string_view kind, std::string_view text);

 private:
    struct Kind {
        MonoTime next = MonoTime::min();
        std::uint64_t left_out = 0;
    };

    Mutex mutex_;
    std::map<std::string, Kind, std::less<>> kinds_ GUARDED_BY(mutex_);
};

}  // namespace millrace::broker::kafka

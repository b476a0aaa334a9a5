// What a child process writes to its standard output and error. Each line goes to the log, and the
// last lines are kept to explain why the process ended.
//
// At most kLinesPerSecond lines go to the log. The number of lines left out is logged with the
// first line of a later second.
//
// Threads:   thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace millrace::backends::process {

class OutputLog {
 public:
    static constexpr std::size_t kLinesPerSecond = 50;
    static constexpr std::size_t kTailLines = 8;
    static constexpr std::size_t kTailLineBytes = 300;  // The rest of a longer line is not kept.

    explicit OutputLog(std::size_t slot) : slot_(slot) {}

    // Call for a new process: forgets the last lines of the previous one.
    void begin();
    void add(std::string_view line, MonoTime now);

    // The last lines, oldest first, joined by " | ".
    std::string tail() const;

 private:
    const std::size_t slot_;

    mutable Mutex mutex_;
    std::deque<std::string> tail_ GUARDED_BY(mutex_);
    MonoTime second_ GUARDED_BY(mutex_);        // When the present second began.
    std::size_t lines_ GUARDED_BY(mutex_) = 0;  // In the present second.
};

}  // namespace millrace::backends::process

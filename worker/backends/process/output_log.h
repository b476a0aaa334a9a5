// What a child process writes to its standard output and error: to the log, a line each, and the
// last of it kept for whoever asks why it ended.
//
// At most kLinesPerSecond go to the log; how many were left out is said once they stop coming so
// fast.
//
// Threads:   thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace millrace::worker {

class OutputLog {
 public:
    static constexpr std::size_t kLinesPerSecond = 50;
    static constexpr std::size_t kTailLines = 8;
    static constexpr std::size_t kTailLineBytes = 300;  // The rest of a longer line is not kept.

    explicit OutputLog(std::size_t slot) : slot_(slot) {}

    // A new process: forgets the last lines of the one before.
    void begin();
    void add(std::string_view line, MonoTime now);

    // The last lines, oldest first, joined by " | ".
    std::string tail() const;

 private:
    const std::size_t slot_;

    mutable std::mutex mutex_;
    // Guarded by mutex_.
    std::deque<std::string> tail_;
    MonoTime second_;        // When the present second began.
    std::size_t lines_ = 0;  // Of the present second.
};

}  // namespace millrace::worker

#include "worker/backends/process/output_log.h"

#include <fmt/format.h>

#include "common/base/log.h"
#include "common/base/text.h"

namespace millrace::backends::process {

void OutputLog::begin() {
    const MutexLock lock(mutex_);
    tail_.clear();
}

void OutputLog::add(std::string_view line, MonoTime now) {
    bool is_shown = false;
    std::size_t left_out = 0;
    {
        const MutexLock lock(mutex_);
        tail_.push_back(storable(std::string(beginning(line, kTailLineBytes))));
        if (tail_.size() > kTailLines) tail_.pop_front();
        if (now - second_ >= std::chrono::seconds(1)) {
            if (lines_ > kLinesPerSecond) left_out = lines_ - kLinesPerSecond;
            second_ = now;
            lines_ = 0;
        }
        is_shown = ++lines_ <= kLinesPerSecond;
    }
    if (left_out > 0) {
        log_warning("dropped lines that a process wrote", {{"slot", slot_}, {"lines", left_out}});
    }
    if (is_shown) log_info("a process wrote", {{"slot", slot_}, {"line", line}});
}

std::string OutputLog::tail() const {
    const MutexLock lock(mutex_);
    return fmt::format("{}", fmt::join(tail_, " | "));
}

}  // namespace millrace::backends::process

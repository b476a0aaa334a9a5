#include "common/broker/kafka/reporter.h"

#include <utility>

namespace millrace::broker::kafka {

void Reporter::report(LogLevel level, std::string_view kind, std::string_view text) {
    std::uint64_t left_out = 0;
    {
        const auto now = system_clock().now();
        const MutexLock lock(mutex_);
        auto known = kinds_.find(kind);
        if (known == kinds_.end()) known = kinds_.emplace(std::string(kind), Kind{}).first;
        if (now < known->second.next) {
            ++known->second.left_out;
            return;
        }
        known->second.next = now + kReportPeriod;
        left_out = std::exchange(known->second.left_out, 0);
    }
    log(level, "Kafka's client reports", {{"kind", kind}, {"text", text}, {"left_out", left_out}});
}

}  // namespace millrace::broker::kafka

// Chooses partitions for the messages of one topic that have no key. Internal to the module.
//
// Each partition that a batch touches costs a request, and Kafka's cost is per request: at 20,000
// messages a second in batches of 40, one partition per batch costs the broker half of what four
// do. But one worker reads a partition: a small burst in a single partition waits there while other
// workers idle. So while batches follow each other closely, each batch goes to one partition and
// the next batch to the next one; after a silence, each message goes to the next partition.
//
// Threads:   one caller at a time. Pure.
#pragma once

#include <cstdint>

#include "common/base/clock.h"

namespace millrace::broker::kafka {

inline constexpr milliseconds kSpreadSilence{5};
inline constexpr std::uint32_t kSpreadRunMax = 64;  // Messages of a batch in one partition.

class Spread {
 public:
    void begin_batch(MonoTime now) {
        run_max_ = now - last_batch_ < kSpreadSilence ? kSpreadRunMax : 1;
        last_batch_ = now;
        run_ = run_max_;
    }

    // The slot for the batch's next message; its partition is the slot modulo the number of
    // partitions.
    std::uint32_t next() {
        if (run_ == run_max_) {
            ++slot_;
            run_ = 0;
        }
        ++run_;
        return slot_;
    }

 private:
    MonoTime last_batch_{};  // The clock's start, which counts as silence.
    std::uint32_t run_max_ = 1;
    std::uint32_t run_ = 1;
    std::uint32_t slot_ = 0;
};

}  // namespace millrace::broker::kafka

// What the housekeeping of a store takes and returns.
#pragma once

#include <chrono>
#include <cstdint>

namespace millrace::storage {

// How far a look at all keys has come. PostgreSQL's times, in microseconds since 1970.
struct KeyCursor {
    std::int64_t expired_to = 0;  // Keys with a lifetime that ended before this are gone.
    std::int64_t made_to = 0;     // Those without one that were made until then were looked at.
};

struct KeyPurge {
    int removed = 0;
    bool has_more = false;  // It stopped at its bound.
    KeyCursor next;
};

struct PartitionPolicy {
    std::chrono::hours interval{24};
    int premake = 3;                    // Partitions ahead of the current one.
    std::chrono::hours retention{168};  // Older partitions are dropped; what is open moves first.
    int page = 1000;                    // Jobs that one step looks at.
    // How long a step waits for a lock, and how long one that others can feel takes at most.
    std::chrono::milliseconds lock_wait{40};
    std::chrono::milliseconds swap_time{90};
    // How long copies lie before they take the place of the old rows: by then whoever has an older
    // snapshot, such as a dump, holds its locks.
    std::chrono::milliseconds settle_time{60000};
};

// One step of the rotation of partitions.
struct RotationStep {
    enum class Kind {
        kRest,  // There is nothing to do now.
        kDone,  // The next step may follow at once.
        kBusy,  // Others were in the way; nothing was done.
    };
    Kind kind = Kind::kRest;
    int rows = 0;  // Copied.
};

}  // namespace millrace::storage

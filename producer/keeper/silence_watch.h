// Times how long each worker has been silent, on this process's own monotonic clock.
//
// Only what was observed counts: a worker is silent for as long as successful reads, none of them
// slow or far apart, found its pulse unchanged. After any gap the watch starts again, because while
// the database or this process was away, nobody could see whether the workers were alive.
//
// Pure: no clock, no I/O. Threads: one caller at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "common/storage/records.h"

namespace millrace::keeper {

struct SilenceOptions {
    milliseconds ttl{30000};
    milliseconds gap_max{10000};  // From sending one read to receiving the answer of the next.
};

struct SilentWorker {
    storage::WorkerPulse pulse;
    // True if its silence was ever part of a mass outage: more than a third of the live workers
    // fell silent at about the same time (invariant 8 of ARCHITECTURE.md). A single worker is never
    // a mass outage; otherwise a job that kills its worker would go undetected where there are only
    // one or two workers.
    bool in_outage = false;
};

class SilenceWatch {
 public:
    explicit SilenceWatch(SilenceOptions options) : options_(options) {}

    // Takes one read of all live workers' pulses: when it was sent and when the answer arrived.
    void observe(const std::vector<storage::WorkerPulse>& pulses, MonoTime sent, MonoTime received);

    // Call it after an unobserved period: a read failed, another keeper led, or a clock stepped.
    // Silence is timed from the next read.
    void start_anew();

    // The workers that were silent for the whole ttl, as of the last read.
    std::vector<SilentWorker> silent() const;

    // Workers that fell silent within this time of each other may have had the same cause.
    milliseconds together() const { return options_.ttl / 2; }

 private:
    struct Seen {
        std::int64_t heartbeats = 0;
        MonoTime since;  // max(): from the next read.
        MonoTime first_seen;
        bool in_outage = false;
    };

    // In an outage the first worker reaches the ttl while the others, whose last heartbeat was a
    // little later, have not reached it yet. Half the ttl still separates them from healthy
    // workers, which send several heartbeats per ttl.
    bool is_suspect(const Seen& seen) const { return asked_ - seen.since >= options_.ttl / 2; }
    // A job that kills one worker after another does so further apart, as each must be marked lost
    // first.
    bool is_about(MonoTime since, MonoTime other) const {
        return std::chrono::abs(since - other) < together();
    }
    bool falls_in_outage(const Seen& seen) const;

    const SilenceOptions options_;
    MonoTime asked_ = MonoTime::min();  // When the last read was sent.
    std::unordered_map<WorkerId, Seen> seen_;
    // Suspects that disappeared within the last ttl: when, and since when they had been silent.
    std::deque<std::pair<MonoTime, MonoTime>> lost_;
};

}  // namespace millrace::keeper

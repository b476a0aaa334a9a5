// How long each worker has been silent, on this process's own monotonic clock.
//
// Counts only what was seen: a worker is silent for as long as successful reads, none of them slow
// or far apart, found its pulse unchanged. After any gap the watch starts anew, because a database
// or a process that was away cannot tell whether the workers were.
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

namespace millrace::gateway {

struct SilenceOptions {
    milliseconds ttl{30000};
    milliseconds gap_max{10000};  // From one read's question to the next one's answer.
};

struct SilentWorker {
    storage::WorkerPulse pulse;
    // Its silence was, at some time, part of a mass outage: more than a third of the live workers
    // fell silent at about the same time (design, invariant 8). One worker alone is no mass: else a
    // job that kills its worker would never be found out where there are one or two.
    bool in_outage = false;
};

class SilenceWatch {
 public:
    explicit SilenceWatch(SilenceOptions options) : options_(options) {}

    // One read of all live workers' pulses, from when it was sent to when its answer was here.
    void observe(const std::vector<storage::WorkerPulse>& pulses, MonoTime sent, MonoTime received);

    // Something was not seen: a read failed, another keeper led, a clock stepped.
    // Silence is timed from the next read on.
    void start_anew();

    // As of the last read: workers that were silent for the whole ttl.
    std::vector<SilentWorker> silent() const;

    // Workers that fell silent within this time of each other may have died of the same.
    milliseconds together() const { return options_.ttl / 2; }

 private:
    struct Seen {
        std::int64_t heartbeats = 0;
        MonoTime since;  // max(): from the next read on.
        MonoTime first_seen;
        bool in_outage = false;
    };

    // In an outage the first is silent for the ttl while the others, who beat last a little later,
    // are not quite. Half of it sets them apart from healthy ones, who beat several times a ttl.
    bool is_suspect(const Seen& seen) const { return asked_ - seen.since >= options_.ttl / 2; }
    // A job that kills one worker after the other needs more time: each is first marked lost.
    bool is_about(MonoTime since, MonoTime other) const {
        return std::chrono::abs(since - other) < together();
    }
    bool falls_in_outage(const Seen& seen) const;

    const SilenceOptions options_;
    MonoTime asked_ = MonoTime::min();  // When the last read was sent.
    std::unordered_map<WorkerId, Seen> seen_;
    // Suspects that disappeared within the last ttl: when, and since when they were silent.
    std::deque<std::pair<MonoTime, MonoTime>> lost_;
};

}  // namespace millrace::gateway

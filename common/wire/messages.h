// The messages of proto/millrace/v1 as plain values, and their encoding. The only place where
// generated protobuf types meet ours.
//
// Encoding cannot fail. Decoding returns kDataCorrupt for bytes that are not such a message or
// whose ids have the wrong length. Unknown fields are ignored, so that old readers accept the
// messages of new writers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/job/job.h"
#include "common/job/job_state.h"

namespace millrace::wire {

std::string encode_spec(const JobSpec& spec);
Result<JobSpec> decode_spec(std::string_view bytes);

// A queued job on its way to a worker.
struct Dispatch {
    JobId job;
    std::optional<JobSpec> spec;  // Absent: read it from the store.
};

std::string encode(const Dispatch& dispatch);
// The same, for a spec that is already encoded (encode_spec), without decoding it.
std::string encode_dispatch(const JobId& job, std::string_view encoded_spec);
Result<Dispatch> decode_dispatch(std::string_view bytes);

struct Started {
    std::string worker;
};
struct Partial {
    std::string text;
    std::optional<std::uint64_t> offset{};  // Bytes of the attempt's text before it, if known.
};
struct Progress {
    double fraction = 0;
    std::string message;
};
struct Finished {
    JobState state = JobState::kCompleted;
};
struct Requeued {
    JobState state = JobState::kQueued;
    std::string error_code{};  // Why the attempt ended; empty from old writers.
    std::string error_message{};
};

struct Event {
    AttemptKey key;
    std::uint32_t sequence = 0;
    std::variant<Started, Partial, Progress, Finished, Requeued> what;
};

std::string encode(const std::vector<Event>& events);
// Leaves out events of a kind that only a newer writer knows.
Result<std::vector<Event>> decode_events(std::string_view bytes);

// Tells a worker to stop this attempt.
struct CancelAttempt {
    AttemptKey key;
    WorkerId worker;
};

// How long the queued jobs of the lanes have waited.
struct LaneHints {
    struct Lane {
        std::string queue;
        Priority priority = Priority::kNormal;
        std::string model;       // Empty: any.
        milliseconds oldest{0};  // No queued job has been ready to run for longer.
    };
    milliseconds measured_at{0};  // Since 1970, by PostgreSQL's clock.
    milliseconds interval{0};     // Until the next ones.
    bool is_complete = false;     // No job is queued for a lane and model that is missing here.
    std::vector<Lane> lanes;
};

using Control = std::variant<CancelAttempt, LaneHints>;

std::string encode(const Control& control);
Result<Control> decode_control(std::string_view bytes);

}  // namespace millrace::wire

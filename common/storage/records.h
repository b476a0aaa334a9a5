// The values that go into the store and come out of it, one kind per call. Points in time are
// PostgreSQL's, in microseconds since 1970 (`DbTime`). They are for people to read and for
// comparison with each other, never with a local clock. Ages and remaining times are durations.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/uuid.h"
#include "common/job/job.h"
#include "common/job/job_state.h"
#include "common/job/outcome.h"
#include "common/storage/idempotency_key.h"

namespace millrace::storage {

using DbTime = std::chrono::sys_time<std::chrono::microseconds>;

// --- Submission ---------------------------------------------------------------------------------

struct NewJob {
    JobId id;
    JobTerms terms;
    std::string metadata_json;     // Empty: none.
    std::string encoded_spec;      // The whole JobSpec by wire::encode_spec(); stored unchanged.
    std::optional<DbTime> run_at;  // In the future: the job is scheduled first.
    std::optional<IdempotencyKey> idempotency;
    std::optional<JobId> retry_of;
};

struct InsertedJob {
    JobId id;  // The new job's, or that of the earlier job with the same idempotency key.
    JobState state = JobState::kQueued;
    bool replayed = false;    // The key was in use: nothing was inserted.
    bool key_reused = false;  // Replayed, and the fingerprint differs.
};

// --- Attempts -----------------------------------------------------------------------------------

struct StealRequest {
    std::string queue;
    Priority priority = Priority::kNormal;
    std::string model;        // One that the worker serves.
    milliseconds age_min{0};  // The least time since the job became ready to run.
    DbTime queued_from;       // Jobs that became ready before are not looked at.
    int limit = 1;
    std::size_t bytes_max = std::size_t{64} << 20;  // Of specs; one more spec may exceed it.
};

struct StolenJobs {
    std::vector<ClaimedJob> jobs;       // In the order in which they became ready.
    std::optional<DbTime> queued_last;  // When the last one did; nothing if there is none.
    bool is_cut = false;                // Others were ready, but `bytes_max` left no room for them.
};

// An outcome, and what it makes of the job.
struct SettledAttempt {
    AttemptKey key;
    Settlement settlement;
    Outcome outcome;
};

struct SettledReply {
    AttemptKey key;
    bool accepted = false;                  // False: no longer this worker's; drop it.
    JobState state = JobState::kCompleted;  // If accepted: the job's state now.
};

struct PartialCheckpoint {
    AttemptKey key;
    std::uint32_t sequence = 0;  // The last event that `text` contains.
    std::string text;            // The whole partial output so far.
};

// --- Workers ------------------------------------------------------------------------------------

struct WorkerInfo {
    WorkerId id;
    std::string name;  // Stable over restarts if it was configured, e.g. "gpu-7".
    std::string host;
    int pid = 0;
    int slots = 0;  // The maximum number of jobs that it runs at a time.
    std::vector<std::string> queues;
    std::vector<std::string> models;
    std::vector<std::string> devices;  // "BACKEND:DEVICE" of each slot that is bound to one.
};

struct KnownModel {
    std::string queue;
    std::string model;
    bool has_worker = false;  // A worker that takes jobs serves it now.
};

struct HeartbeatReply {
    bool alive = false;           // False: this incarnation was declared lost. It must stop.
    int active = 0;               // Jobs that this worker holds, according to the store.
    bool confined_waits = false;  // A confined job waits until this worker has no other.
    std::vector<AttemptKey> cancelling;
};

enum class WorkerState : std::uint8_t { kAlive = 1, kDraining = 2, kStopped = 3, kLost = 4 };

struct WorkerRecord {
    WorkerInfo info;
    WorkerState state = WorkerState::kAlive;
    DbTime started_at;
    milliseconds heartbeat_age{0};
    int active = 0;
};

// What the rescuer watches: if the heartbeats do not change for too long, the worker is silent.
struct WorkerPulse {
    WorkerId id;
    std::int64_t heartbeats = 0;  // Renewals so far.
};

// --- Reading ------------------------------------------------------------------------------------

struct JobFields {
    bool input = false;
    bool output = false;
    bool partial = false;
    bool attempts = false;
};

// How the end of an attempt was counted. The values are stored in PostgreSQL.
enum class CountedAs : std::uint8_t { kFailure = 1, kInterruption = 2, kLoss = 3 };

// An attempt that has ended, or the one that is running (no `ended_at`).
struct AttemptRecord {
    Epoch epoch = 0;
    std::optional<WorkerId> worker;
    std::string worker_name;
    DbTime started_at;
    std::optional<DbTime> ended_at;
    std::optional<OutcomeKind> outcome;
    std::string error_code;
    std::string error_message;
    std::optional<CountedAs> counted_as;  // Nothing: still running, or not counted.
};

struct JobRecord {
    JobId id;
    std::string client_id;            // Empty: none.
    std::optional<JobId> retry_of;    // That job may be gone by now.
    std::optional<JobId> retried_by;  // Only for a job that failed, expired or was cancelled.
    JobState state = JobState::kQueued;
    std::string queue;
    Priority priority = Priority::kNormal;
    std::string model;
    std::string metadata_json;  // Empty: none.
    Epoch epoch = 0;
    int attempt = 0;
    int failures = 0;
    int interruptions = 0;
    int attempts_max = 1;
    std::optional<WorkerId> worker;
    std::string worker_name;
    DbTime created_at;
    std::optional<DbTime> run_at;
    std::optional<DbTime> queued_at;
    std::optional<DbTime> started_at;  // Of the last attempt.
    std::optional<DbTime> finished_at;
    std::optional<DbTime> expires_at;
    std::optional<DbTime> cancel_requested_at;  // The first request, however the job ended.
    std::string error_code;  // Of the final state, or of the last failure of a waiting job.
    std::string error_message;
    Usage usage;
    // If requested (JobFields) and present:
    std::optional<std::string> input_json;
    std::optional<std::string> output_json;
    std::optional<std::string> partial_text;
    std::uint32_t partial_sequence = 0;
    std::vector<AttemptRecord> attempts;  // Oldest first.
};

struct JobFilter {
    std::vector<JobState> states;  // Empty: any.
    std::optional<std::string> queue;
    std::optional<Priority> priority;
    std::optional<std::string> model;
    std::vector<std::pair<std::string, std::string>> metadata;  // All must match.
    std::optional<DbTime> created_after;                        // Exclusive.
    std::optional<DbTime> created_before;                       // Exclusive.
    std::optional<std::string> error_code;
    bool never_retried = false;
    std::optional<JobId> after;  // The last id of the previous page.
    bool ascending = false;      // By id, which is by time of creation.
    int limit = 20;
};

struct CancelledJob {
    JobId id;
    JobState state = JobState::kCancelled;  // After the call; unchanged for a final job.
    // For kCancelling: the attempt to stop, and its worker.
    Epoch epoch = 0;
    std::optional<WorkerId> worker;
};

struct LaneStats {
    std::string queue;
    Priority priority = Priority::kNormal;
    std::int64_t queued = 0;
    std::int64_t scheduled = 0;
    std::int64_t in_progress = 0;            // Includes cancelling ones.
    std::optional<milliseconds> oldest_age;  // Of the queued jobs.
    // Too many wait to count them all: `queued` or `scheduled` is right to within some per cent.
    bool is_estimate = false;
};

// How long the queued jobs of a lane have waited that are for one model.
struct LaneAge {
    std::string queue;
    Priority priority = Priority::kNormal;
    std::string model;
    milliseconds oldest{0};  // No queued job has been ready to run for longer.
};

// --- Keeping ------------------------------------------------------------------------------------

// A job that a duty moved.
struct MovedJob {
    JobId id;
    std::string queue;
    Priority priority = Priority::kNormal;
    Epoch epoch = 0;
    JobState state = JobState::kQueued;  // Where it is now.
};

struct DutyPage {
    bool led = false;  // False: another keeper holds the duty; nothing was done.
    std::vector<MovedJob> moved;
};

struct RescueLimits {
    int losses_max = 3;  // Consecutive losses that quarantine a job: failed, worker_lost.
    int page = 500;
};

}  // namespace millrace::storage

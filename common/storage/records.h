// What goes into the store and comes out of it: plain values, one per kind of call. Points in time
// are PostgreSQL's, in microseconds since 1970 (`DbTime`); they are shown to people and compared
// with each other, never with a local clock. Ages and remaining times are durations.
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
    JobSpec spec;
    std::string encoded_spec;      // wire::encode_spec(spec): stored as it is.
    std::optional<DbTime> run_at;  // In the future: the job starts scheduled.
    std::optional<IdempotencyKey> idempotency;
    std::optional<JobId> retry_of;
};

struct InsertedJob {
    JobId id;  // The new job's, or the earlier one's of the same idempotency key.
    JobState state = JobState::kQueued;
    bool replayed = false;    // The key was known: nothing was inserted.
    bool key_reused = false;  // Replayed, and the fingerprint differs.
};

// --- Attempts -----------------------------------------------------------------------------------

// A claim that succeeded; the spec came with the message or is read apart.
struct Claim {
    AttemptKey key;
    int attempt = 1;
    int failures = 0;
    int losses = 0;
    milliseconds remaining{0};
    bool deadline_is_ttl = false;
};

struct StealRequest {
    std::string queue;
    Priority priority = Priority::kNormal;
    std::vector<std::string> models;  // Those that the worker serves.
    milliseconds age_min{0};          // Since the job became ready to run.
    JobId low_water;                  // No job below it is looked at; nil: all.
    int limit = 1;
};

// An outcome and what becomes of the job by it.
struct SettledAttempt {
    AttemptKey key;
    Settlement settlement;
    Outcome outcome;
};

struct SettledReply {
    AttemptKey key;
    bool accepted = false;                  // False: not this worker's any more; drop it.
    JobState state = JobState::kCompleted;  // Accepted: where the job is now.
};

struct PartialCheckpoint {
    AttemptKey key;
    std::uint32_t sequence = 0;  // Of the last event that `text` contains.
    std::string text;            // The whole partial output so far.
};

// --- Workers ------------------------------------------------------------------------------------

struct WorkerInfo {
    WorkerId id;
    std::string name;  // Stable over restarts where it was configured, e.g. "gpu-7".
    std::string host;
    int pid = 0;
    int slots = 0;  // Jobs that it runs at a time at most.
    std::vector<std::string> queues;
    std::vector<std::string> models;
    std::vector<std::string> devices;  // "BACKEND:DEVICE" of each slot that is bound to one.
};

struct KnownModel {
    std::string queue;
    std::string model;
    bool has_worker = false;  // One that takes jobs serves it now.
};

struct HeartbeatReply {
    bool alive = false;  // False: this incarnation was declared lost. It must stop.
    int active = 0;      // Jobs that the store counts as this worker's.
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

// What the rescuer watches: a heartbeat that does not change for too long is silence.
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

// What the end of an attempt was counted as. The values are stored in PostgreSQL.
enum class CountedAs : std::uint8_t { kFailure = 1, kInterruption = 2, kLoss = 3 };

// An attempt that is over, or the one that is running (no `ended_at`).
struct AttemptRecord {
    Epoch epoch = 0;
    std::optional<WorkerId> worker;
    std::string worker_name;
    DbTime started_at;
    std::optional<DbTime> ended_at;
    std::optional<OutcomeKind> outcome;
    std::string error_code;
    std::string error_message;
    std::optional<CountedAs> counted_as;  // Nothing: it ended the job otherwise.
};

struct JobRecord {
    JobId id;
    std::string client_id;            // Empty: none.
    std::optional<JobId> retry_of;    // That job may be gone.
    std::optional<JobId> retried_by;  // Of a job that failed, expired or was cancelled.
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
    std::optional<DbTime> cancel_requested_at;  // The first time, however the job ended.
    std::string error_code;  // Of the final state, or of the last failure while it waits.
    std::string error_message;
    Usage usage;
    // Where asked for (JobFields) and present:
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
    std::optional<JobId> after;  // The last id of the page before.
    bool ascending = false;      // By id, which is by creation.
    int limit = 20;
};

struct CancelledJob {
    JobId id;
    JobState state = JobState::kCancelled;  // After the call; a final job's is unchanged.
    // For kCancelling: whom to tell.
    Epoch epoch = 0;
    std::optional<WorkerId> worker;
};

struct LaneStats {
    std::string queue;
    Priority priority = Priority::kNormal;
    std::int64_t queued = 0;
    std::int64_t scheduled = 0;
    std::int64_t in_progress = 0;            // Cancelling ones too.
    std::optional<milliseconds> oldest_age;  // Of the queued.
};

// What idle workers have to know of a lane.
struct LaneAge {
    std::string queue;
    Priority priority = Priority::kNormal;
    // No queued job is older, from its creation on; zero where there is none.
    milliseconds oldest{0};
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

// One page of one duty.
struct DutyPage {
    bool led = false;  // False: another keeper holds the duty now; nothing was done.
    std::vector<MovedJob> moved;
};

struct RescueLimits {
    int losses_max = 3;  // Consecutive losses that quarantine a job: failed, worker_lost.
    int page = 500;
};

struct PartitionPolicy {
    std::chrono::hours interval{24};
    int premake = 3;                    // Partitions ahead of the current one.
    std::chrono::hours retention{168};  // Older partitions without unfinished jobs are dropped.
};

}  // namespace millrace::storage

#include "producer/api/codec/job_json.h"

#include <fmt/format.h>

#include <utility>

namespace millrace::api::codec {

using json_text::JsonWriter;
using storage::DbTime;
using storage::JobRecord;

namespace {

std::int64_t unix_seconds(DbTime time) {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

void write_time(JsonWriter& json, std::string_view name, const std::optional<DbTime>& time) {
    json.name(name);
    if (time) {
        json.value(unix_seconds(*time));
    } else {
        json.null();
    }
}

// Writes the time between two points. Without the second point, the span is still running.
void write_span(JsonWriter& json, std::string_view name, const std::optional<DbTime>& from,
                const std::optional<DbTime>& to, DbTime now) {
    json.name(name);
    if (!from) return json.null();
    const auto span = std::chrono::floor<milliseconds>(to.value_or(now) - *from);
    json.value(std::max<std::int64_t>(span.count(), 0));
}

bool is_final(const JobRecord& job) {
    return info(job.state).is_final;
}

void write_times(JsonWriter& json, const JobRecord& job, DbTime now) {
    json.member("created_at", unix_seconds(job.created_at));
    write_time(json, "run_at", job.run_at);
    write_time(json, "queued_at", job.queued_at);
    write_time(json, "started_at", job.started_at);
    write_time(json, "completed_at", job.finished_at);
    write_time(json, "expires_at", job.expires_at);
    write_time(json, "cancel_requested_at", job.cancel_requested_at);
    json.name("timing");
    json.begin_object();
    // The wait is measured from the last entry into the queue, which an attempt may precede.
    const bool was_taken = job.started_at && job.queued_at && *job.started_at >= *job.queued_at;
    write_span(json, "queue_ms", job.queued_at, was_taken ? job.started_at : job.finished_at, now);
    // A job without a worker waits, or waited until its end: when its last attempt ended is in the
    // attempts only.
    write_span(json, "execution_ms", job.worker ? job.started_at : std::nullopt, job.finished_at,
               now);
    json.end_object();
}

bool lacks_worker(const JobRecord& job, const service::Fleet& fleet) {
    return job.state == JobState::kQueued && !fleet.has_worker(job.queue, job.model);
}

void write_wait(JsonWriter& json, const JobRecord& job, bool lacks_worker) {
    json.name("wait");
    if (job.state != JobState::kScheduled && !lacks_worker) return json.null();
    json.begin_object();
    if (lacks_worker) {
        json.member("reason", "no_workers");
        json.null_member("until");
    } else {
        // A job that has already started waits for its next attempt, whether or not the last one
        // counted.
        json.member("reason", job.attempt > 0 ? "backoff" : "scheduled");
        write_time(json, "until", job.run_at);
    }
    json.end_object();
}

void write_worker(JsonWriter& json, const JobRecord& job) {
    json.name("worker");
    if (!job.worker) return json.null();
    json.begin_object();
    json.member("id", job.worker->str());
    json.member("name", job.worker_name);
    json.end_object();
}

void write_usage(JsonWriter& json, const JobRecord& job) {
    json.name("usage");
    const auto& usage = job.usage;
    if (job.state != JobState::kCompleted || !usage.is_known()) return json.null();
    const auto write = [&](std::string_view name, const std::optional<std::int64_t>& tokens) {
        tokens ? json.member(name, *tokens) : json.null_member(name);
    };
    json.begin_object();
    write("prompt_tokens", usage.prompt_tokens);
    write("completion_tokens", usage.completion_tokens);
    write("total_tokens", usage.total_tokens());
    json.end_object();
}

struct Fault {
    std::string_view code;
    std::string_view message;
    std::string_view type;
};

void write_fault(JsonWriter& json, std::string_view name, const Fault& fault) {
    json.name(name);
    if (fault.code.empty()) return json.null();
    json.begin_object();
    json.member("code", fault.code);
    json.member("message", fault.message);
    json.member("type", fault.type);
    json.end_object();
}

// Writes what ended the job, without errors of an attempt that was followed by a retry.
void write_errors(JsonWriter& json, const JobRecord& job) {
    Fault fault{job.error_code, job.error_message, "job_failed"};
    if (job.state == JobState::kCancelled) fault.type = "job_cancelled";
    if (job.state == JobState::kExpired) fault.type = "job_expired";
    const bool ended = is_final(job) && job.state != JobState::kCompleted;
    write_fault(json, "error", ended ? fault : Fault{});
    write_attempt_error(json, "last_error", is_final(job) ? std::string_view() : job.error_code,
                        job.error_message);
}

void write_output(JsonWriter& json, const JobRecord& job) {
    json.name("output");
    if (job.output_json) {
        json.raw(*job.output_json);
    } else {
        json.null();
    }
    json.name("partial_output");
    if (!job.partial_text || job.state == JobState::kCompleted) return json.null();
    json.begin_object();
    json.member("text", *job.partial_text);
    json.end_object();
}

std::string_view name_of(storage::CountedAs counted) {
    switch (counted) {
        case storage::CountedAs::kFailure:
            return "failure";
        case storage::CountedAs::kInterruption:
            return "interruption";
        case storage::CountedAs::kLoss:
            return "loss";
    }
    return "unknown";
}

// Writes every attempt, and how long the job had waited for it since the previous one or its
// submission.
void write_attempts(JsonWriter& json, const JobRecord& job, DbTime now) {
    json.name("attempts");
    json.begin_array();
    std::optional<DbTime> ready_at = job.created_at;
    for (const auto& attempt : job.attempts) {
        json.begin_object();
        json.member("object", "attempt");
        // Every claim is an attempt and raises the epoch, which starts at 0, by one.
        json.member("number", attempt.epoch);
        json.member("epoch", attempt.epoch);
        write_span(json, "waited_ms", std::exchange(ready_at, attempt.ended_at), attempt.started_at,
                   now);
        write_span(json, "duration_ms", attempt.started_at, attempt.ended_at, now);
        json.member("worker", attempt.worker_name);
        json.name("worker_id");
        attempt.worker ? json.value(attempt.worker->str()) : json.null();
        json.member("started_at", unix_seconds(attempt.started_at));
        write_time(json, "ended_at", attempt.ended_at);
        json.name("outcome");
        attempt.outcome ? json.value(name(*attempt.outcome)) : json.null();
        json.name("counted_as");
        attempt.counted_as ? json.value(name_of(*attempt.counted_as)) : json.null();
        write_attempt_error(json, "error", attempt.error_code, attempt.error_message);
        json.end_object();
    }
    json.end_array();
}

void write_id(JsonWriter& json, std::string_view name, const std::optional<JobId>& id) {
    json.name(name);
    id ? json.value(id->str()) : json.null();
}

void write_urls(JsonWriter& json, const std::string& id) {
    const auto self = "/v1/jobs/" + id;
    json.name("urls");
    json.begin_object();
    json.member("self", self);
    json.member("result", self + "/result");
    json.member("events", self + "/events");
    json.member("cancel", self + "/cancel");
    json.member("retry", self + "/retry");
    json.end_object();
}

void begin_list(JsonWriter& json) {
    json.begin_object();
    json.member("object", "list");
    json.name("data");
    json.begin_array();
}

template <class Strings>
void write_strings(JsonWriter& json, std::string_view name, const Strings& strings) {
    json.name(name);
    json.begin_array();
    for (const auto& text : strings) json.value(text);
    json.end_array();
}

}  // namespace

std::string_view name(storage::WorkerState state) {
    switch (state) {
        case storage::WorkerState::kAlive:
            return "alive";
        case storage::WorkerState::kDraining:
            return "draining";
        case storage::WorkerState::kStopped:
            return "stopped";
        case storage::WorkerState::kLost:
            return "lost";
    }
    return "unknown";
}

void write_attempt_error(JsonWriter& json, std::string_view name, std::string_view code,
                         std::string_view message) {
    write_fault(json, name, {code, message, "attempt_failed"});
}

void write_job(JsonWriter& json, const JobRecord& job, const service::Fleet& fleet) {
    const auto now = fleet.database_now();
    const auto id = job.id.str();
    json.begin_object();
    json.member("id", id);
    json.member("object", "job");
    json.name("client_id");
    job.client_id.empty() ? json.null() : json.value(job.client_id);
    json.member("status", name(job.state));
    json.member("queue", job.queue);
    json.member("priority", name(job.priority));
    json.member("model", job.model);
    write_times(json, job, now);
    write_wait(json, job, lacks_worker(job, fleet));
    json.member("attempt", job.attempt);
    json.member("max_attempts", job.attempts_max);
    json.member("failures", job.failures);
    json.member("interruptions", job.interruptions);
    write_worker(json, job);
    write_usage(json, job);
    if (job.input_json) json.raw_member("input", *job.input_json);
    write_output(json, job);
    write_errors(json, job);
    json.raw_member("metadata", job.metadata_json.empty() ? "{}" : job.metadata_json);
    if (!job.attempts.empty()) write_attempts(json, job, now);
    write_id(json, "retry_of", job.retry_of);
    write_id(json, "retried_by", job.retried_by);
    write_urls(json, id);
    json.end_object();
}

std::string job_json(const JobRecord& job, const service::Fleet& fleet) {
    constexpr std::size_t kUsualBytes = 1024;
    JsonWriter json;
    json.reserve(kUsualBytes + (job.output_json ? job.output_json->size() : 0));
    write_job(json, job, fleet);
    return std::move(json).text();
}

void write_next(JsonWriter& json, const std::optional<JobId>& next) {
    json.member("has_more", next.has_value());
    json.name("next");
    next ? json.value(next->str()) : json.null();
}

std::string job_list_json(const service::JobList& page, const service::Fleet& fleet) {
    const auto& jobs = page.jobs;
    JsonWriter json;
    begin_list(json);
    for (const auto& job : jobs) write_job(json, job, fleet);
    json.end_array();
    json.name("first_id");
    jobs.empty() ? json.null() : json.value(jobs.front().id.str());
    json.name("last_id");
    jobs.empty() ? json.null() : json.value(jobs.back().id.str());
    write_next(json, page.next);
    std::optional<DbTime> searched_to;
    if (page.next) searched_to = DbTime(uuid_unix_time(page.next->uuid()));
    write_time(json, "searched_to", searched_to);
    json.end_object();
    return std::move(json).text();
}

std::string lane_list_json(std::span<const storage::LaneStats> lanes) {
    JsonWriter json;
    begin_list(json);
    for (const auto& lane : lanes) {
        json.begin_object();
        json.member("object", "lane");
        json.member("queue", lane.queue);
        json.member("priority", name(lane.priority));
        json.member("queued", lane.queued);
        json.member("scheduled", lane.scheduled);
        json.member("in_progress", lane.in_progress);
        json.name("oldest_age_ms");
        lane.oldest_age ? json.value(lane.oldest_age->count()) : json.null();
        json.member("estimated", lane.is_estimate);
        json.end_object();
    }
    json.end_array();
    json.member("has_more", false);
    json.end_object();
    return std::move(json).text();
}

std::string worker_list_json(std::span<const storage::WorkerRecord> workers) {
    JsonWriter json;
    begin_list(json);
    for (const auto& worker : workers) {
        json.begin_object();
        json.member("id", worker.info.id.str());
        json.member("object", "worker");
        json.member("name", worker.info.name);
        json.member("state", name(worker.state));
        json.member("host", worker.info.host);
        json.member("pid", worker.info.pid);
        json.member("slots", worker.info.slots);
        json.member("active", worker.active);
        write_strings(json, "queues", worker.info.queues);
        write_strings(json, "models", worker.info.models);
        write_strings(json, "devices", worker.info.devices);
        json.member("started_at", unix_seconds(worker.started_at));
        json.member("heartbeat_age_ms", worker.heartbeat_age.count());
        json.end_object();
    }
    json.end_array();
    json.member("has_more", false);
    json.end_object();
    return std::move(json).text();
}

std::string job_etag(const JobRecord& job, const storage::JobFields& fields,
                     const service::Fleet& fleet) {
    const int shown = (fields.input ? 1 : 0) | (fields.output ? 2 : 0) | (fields.partial ? 4 : 0) |
                      (fields.attempts ? 8 : 0) | (job.retried_by ? 16 : 0) |
                      (lacks_worker(job, fleet) ? 32 : 0);
    return fmt::format("W/\"{}.{}.{}.{}.{}.{}\"", static_cast<int>(job.state), job.epoch,
                       job.failures, job.interruptions, job.partial_sequence, shown);
}

}  // namespace millrace::api::codec

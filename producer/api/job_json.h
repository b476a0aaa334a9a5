// Jobs, lanes and workers as clients see them (docs/api.md). Appended by hand: a job is written for
// every submit and poll.
//
// What a record does not say, the time now and whether there are workers, is the service's to know.
//
// Threads: thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/storage/records.h"
#include "producer/api/json_writer.h"
#include "producer/intake/job_service.h"

namespace millrace::api {

// "alive", "draining", "stopped" or "lost".
std::string_view name(storage::WorkerState state);

// Why an attempt ended that did not end its job; null without a code.
void write_attempt_error(JsonWriter& json, std::string_view name, std::string_view code,
                         std::string_view message);

void write_job(JsonWriter& json, const storage::JobRecord& job, const gateway::JobService& service);
std::string job_json(const storage::JobRecord& job, const gateway::JobService& service);

// {"object":"list","data":[…],"first_id":…,"last_id":…,"has_more":…}
std::string job_list_json(std::span<const storage::JobRecord> jobs, bool has_more,
                          const gateway::JobService& service);
std::string lane_list_json(std::span<const storage::LaneStats> lanes);
std::string worker_list_json(std::span<const storage::WorkerRecord> workers);

// Changes whenever the job does, apart from times that run. Weak.
std::string job_etag(const storage::JobRecord& job, const storage::JobFields& fields,
                     const gateway::JobService& service);

}  // namespace millrace::api

// Jobs, lanes and workers as JSON for clients (docs/api.md). The text is appended by hand, because
// every submit and every poll writes a job.
//
// The fleet supplies what a record lacks: the current time, and whether there are workers.
//
// Threads: thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/json/json_writer.h"
#include "common/storage/records.h"
#include "producer/service/fleet.h"
#include "producer/service/job_scans.h"

namespace millrace::api::codec {

// "alive", "draining", "stopped" or "lost".
std::string_view name(storage::WorkerState state);

// Writes why an attempt ended without ending its job; null if there is no code.
void write_attempt_error(json_text::JsonWriter& json, std::string_view name, std::string_view code,
                         std::string_view message);

void write_job(json_text::JsonWriter& json, const storage::JobRecord& job,
               const service::Fleet& fleet);
std::string job_json(const storage::JobRecord& job, const service::Fleet& fleet);

// Writes `has_more`, and as `next` where a call that looked at jobs continues.
void write_next(json_text::JsonWriter& json, const std::optional<JobId>& next);

// {"object":"list","data":[…],"first_id":…,"last_id":…,"has_more":…,"next":…,"searched_to":…}
std::string job_list_json(const service::JobList& page, const service::Fleet& fleet);
std::string lane_list_json(std::span<const storage::LaneStats> lanes);
std::string worker_list_json(std::span<const storage::WorkerRecord> workers);

// A weak tag that changes whenever the job does, except for running times.
std::string job_etag(const storage::JobRecord& job, const storage::JobFields& fields,
                     const service::Fleet& fleet);

}  // namespace millrace::api::codec

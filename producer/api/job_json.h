// Jobs, lanes and workers as clients see them (docs/api.md). Appended by hand: a job is written for
// every submit and poll.
//
// Threads: pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/storage/records.h"
#include "producer/api/json_writer.h"

namespace millrace::api {

// `now` is PostgreSQL's, for times that still run.
void write_job(JsonWriter& json, const storage::JobRecord& job, storage::DbTime now);
std::string job_json(const storage::JobRecord& job, storage::DbTime now);

// {"object":"list","data":[…],"first_id":…,"last_id":…,"has_more":…}
std::string job_list_json(std::span<const storage::JobRecord> jobs, bool has_more,
                          storage::DbTime now);
std::string lane_list_json(std::span<const storage::LaneStats> lanes);
std::string worker_list_json(std::span<const storage::WorkerRecord> workers);

// Changes whenever the job does, apart from times that run. Weak.
std::string job_etag(const storage::JobRecord& job, const storage::JobFields& fields);

}  // namespace millrace::api

// The handlers of the routes. The table is in routes.cc, the contract in docs/api.md.
//
// Threads: the connection's.
#pragma once

#include <functional>
#include <optional>

#include "producer/api/routes.h"

namespace millrace::api {

void submit_job(const ApiContext& context, const ExchangePtr& exchange);
void put_job(const ApiContext& context, const ExchangePtr& exchange);
void submit_batch(const ApiContext& context, const ExchangePtr& exchange);
void get_job(const ApiContext& context, const ExchangePtr& exchange);
void get_result(const ApiContext& context, const ExchangePtr& exchange);
void stream_events(const ApiContext& context, const ExchangePtr& exchange);
void cancel_job(const ApiContext& context, const ExchangePtr& exchange);
void cancel_jobs(const ApiContext& context, const ExchangePtr& exchange);
void retry_job(const ApiContext& context, const ExchangePtr& exchange);
void retry_jobs(const ApiContext& context, const ExchangePtr& exchange);
void list_jobs(const ApiContext& context, const ExchangePtr& exchange);
void list_queues(const ApiContext& context, const ExchangePtr& exchange);
void list_workers(const ApiContext& context, const ExchangePtr& exchange);
void health(const ApiContext& context, const ExchangePtr& exchange);
void readiness(const ApiContext& context, const ExchangePtr& exchange);
void metrics(const ApiContext& context, const ExchangePtr& exchange);

// Shared by the above:

// Calls `go_on` with the job that the path names by its own id or its client id: within the call,
// or later if it must be looked up. Answers 404 itself if there is no such job.
void with_job_id(const ApiContext& context, const ExchangePtr& exchange,
                 std::function<void(JobId)> go_on);
Problem no_such_job(std::string_view id);
// A problem if the header says that the body is not JSON, or if there are parameters where none are
// allowed.
std::optional<Problem> check_json_head(const Request& request);
// The problem for a failed submission. It names the job if the outcome of the commit is unknown.
Problem problem_of_submit(const Exchange& exchange, const service::SubmitError& failed);
// Answers for a failed read of the job in the path.
void reply_read_error(Exchange& exchange, const Error& error);

// Counts the matching jobs and answers with an object of type `object`.
void preview(const ApiContext& context, const ExchangePtr& exchange, storage::JobFilter filter,
             std::string_view object);

// The job as a response with this status and, unless it is final, a hint when to poll again.
Response job_response(const ApiContext& context, const storage::JobRecord& job, int status);

}  // namespace millrace::api

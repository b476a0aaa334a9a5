// What each route does. See routes.cc for the table and docs/api.md for the contract.
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

// Goes on with the job of the path, which stands there by its id or by its client's: within the
// call, or later where it is looked up. Answers 404 itself where there is none.
void with_job_id(const ApiContext& context, const ExchangePtr& exchange,
                 std::function<void(JobId)> go_on);
Problem no_such_job(std::string_view id);
// A body that cannot be read as JSON by its header, or parameters where none are taken.
std::optional<Problem> check_json_head(const Request& request);
// Of a failed submission; names the job where its commit is in doubt.
Problem problem_of_submit(const Exchange& exchange, const gateway::SubmitError& failed);
// Of a failed read of the job in the path.
void reply_read_error(Exchange& exchange, const Error& error);

// Counts what matches, and answers with an object of this name.
void preview(const ApiContext& context, const ExchangePtr& exchange, storage::JobFilter filter,
             std::string_view object);

// 202 or 200, by whether the job is final; with the hint when to poll again.
Response job_response(const ApiContext& context, const storage::JobRecord& job, int status);

}  // namespace millrace::api

// What each route does. See routes.cc for the table and docs/api.md for the contract.
//
// Threads: the connection's.
#pragma once

#include "producer/api/routes.h"

namespace millrace::api {

void submit_job(const ApiContext& context, const ExchangePtr& exchange);
void submit_batch(const ApiContext& context, const ExchangePtr& exchange);
void get_job(const ApiContext& context, const ExchangePtr& exchange);
void get_result(const ApiContext& context, const ExchangePtr& exchange);
void stream_events(const ApiContext& context, const ExchangePtr& exchange);
void cancel_job(const ApiContext& context, const ExchangePtr& exchange);
void list_jobs(const ApiContext& context, const ExchangePtr& exchange);
void list_queues(const ApiContext& context, const ExchangePtr& exchange);
void list_workers(const ApiContext& context, const ExchangePtr& exchange);
void health(const ApiContext& context, const ExchangePtr& exchange);
void readiness(const ApiContext& context, const ExchangePtr& exchange);
void metrics(const ApiContext& context, const ExchangePtr& exchange);

// Shared by the above:

// The id of the path; answers 404 and returns nothing where it is none.
std::optional<JobId> job_id_of(Exchange& exchange);
Problem no_such_job(std::string_view id);
// Of a failed read of the job in the path.
void reply_read_error(Exchange& exchange, const Error& error);

// 202 or 200, by whether the job is final; with the hint when to poll again.
Response job_response(const ApiContext& context, const storage::JobRecord& job, int status);

}  // namespace millrace::api

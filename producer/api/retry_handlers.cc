// POST /v1/jobs/{id}/retry and POST /v1/jobs:retry: submit failed jobs again.

#include "producer/api/codec/job_json.h"
#include "producer/api/codec/list_query.h"
#include "producer/api/codec/retry_request.h"
#include "producer/api/handlers.h"

namespace millrace::api {

using json_text::JsonWriter;
using server::on_connection;
using server::problem_item_json;
using server::ProblemCode;
using server::reply_error;
using server::reply_problem;
using service::RetryPage;
using service::RetryResult;
using storage::JobRecord;

namespace {

Problem problem_of_retry(const Exchange& exchange, const RetryResult& job) {
    const auto& failed = job.retry.error();
    if (failed.error.code == ErrorCode::kNotFound) return no_such_job(job.job.str());
    if (failed.error.code == ErrorCode::kConflict) {
        return {ProblemCode::kJobNotRetryable, failed.error.message, {}};
    }
    return problem_of_submit(exchange, failed);
}

void answer_retry(const ApiContext& context, const ExchangePtr& exchange,
                  const RetryResult& result) {
    if (!result.retry.has_value()) {
        return reply_problem(*exchange, problem_of_retry(*exchange, result));
    }
    const bool replayed = result.retry->replayed;
    context.services.reads.get(
        result.retry->id, {},
        on_connection<Result<JobRecord>>(
            exchange, [&context, exchange, replayed](const Result<JobRecord>& job) {
                if (!job.has_value()) return reply_error(*exchange, job.error());
                auto response = job_response(context, *job, replayed ? 200 : 202);
                response.headers.emplace_back("Location", "/v1/jobs/" + job->id.str());
                if (replayed) {
                    response.headers.emplace_back("Idempotency-Replayed", "true");
                }
                exchange->reply(std::move(response));
            }));
}

void write_result(JsonWriter& json, const Exchange& exchange, const RetryResult& job) {
    if (!job.retry.has_value()) {
        auto problem = problem_of_retry(exchange, job);
        problem.members.emplace_back("job_id", '"' + job.job.str() + '"');
        return json.raw(problem_item_json(problem));
    }
    json.begin_object();
    json.member("object", "retry");
    json.member("id", job.job.str());
    json.member("retried_by", job.retry->id.str());
    json.member("replayed", job.retry->replayed);
    json.end_object();
}

void answer_retries(Exchange& exchange, const Result<RetryPage>& page) {
    if (!page.has_value()) return reply_error(exchange, page.error());
    JsonWriter json;
    json.begin_object();
    json.member("object", "list");
    json.name("data");
    json.begin_array();
    for (const auto& job : page->jobs) write_result(json, exchange, job);
    json.end_array();
    codec::write_next(json, page->next);
    json.end_object();
    exchange.reply({.status = 202, .body = std::move(json).text()});
}

}  // namespace

void retry_job(const ApiContext& context, const ExchangePtr& exchange) {
    const auto query = codec::decode_no_query(exchange->request().query);
    if (!query.has_value()) return reply_problem(*exchange, query.error());
    with_job_id(context, exchange, [&context, exchange](JobId id) {
        context.services.commands.retry(
            id, on_connection<Result<RetryPage>>(
                    exchange, [&context, exchange](const Result<RetryPage>& page) {
                        if (!page.has_value()) {
                            return reply_error(*exchange, page.error());
                        }
                        answer_retry(context, exchange, page->jobs.front());
                    }));
    });
}

void retry_jobs(const ApiContext& context, const ExchangePtr& exchange) {
    if (const auto problem = check_json_head(exchange->request())) {
        return reply_problem(*exchange, *problem);
    }
    auto request = codec::decode_retry(exchange->request().body, context.options);
    if (!request.has_value()) return reply_problem(*exchange, request.error());
    if (request->dry_run) {
        return preview(context, exchange, std::move(request->filter), "retry_preview");
    }
    auto done = on_connection<Result<RetryPage>>(
        exchange, [exchange](const Result<RetryPage>& page) { answer_retries(*exchange, page); });
    if (!request->ids.empty()) return context.services.scans.retry(std::move(request->ids), done);
    context.services.scans.retry_matching(std::move(request->filter), done);
}

}  // namespace millrace::api

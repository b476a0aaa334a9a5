// Reads: one job, its result, lists.

#include <fmt/format.h>

#include "producer/api/codec/idempotency.h"
#include "producer/api/codec/job_json.h"
#include "producer/api/codec/list_query.h"
#include "producer/api/handlers.h"
#include "producer/api/job_wait.h"
#include "producer/server/header_values.h"

namespace millrace::api {

using server::etag_matches;
using server::on_connection;
using server::ProblemCode;
using server::reply_error;
using server::reply_problem;
using storage::JobRecord;

namespace {

constexpr std::string_view kPollAfterMs = "1000";
constexpr std::string_view kIdExample = "job_01h455vb4pex5vsknk084sn02q";

void note_wait(Response& response, const Request& request, const ApiContext& context, bool waited) {
    const auto wait = waited ? wait_of(request, context.options) : std::nullopt;
    if (!wait) return;
    response.headers.emplace_back("Preference-Applied", applied_text(*wait));
}

void answer_job(const ApiContext& context, Exchange& exchange, const storage::JobFields& fields,
                const JobAnswer& answer) {
    const auto& request = exchange.request();
    if (!answer.job.has_value()) {
        return reply_read_error(exchange, answer.job.error());
    }
    auto etag = codec::job_etag(*answer.job, fields, context.services.fleet);
    Response response;
    if (etag_matches(request.if_none_match, etag)) {
        response.status = 304;
    } else {
        response = job_response(context, *answer.job, 200);
    }
    response.headers.emplace_back("ETag", std::move(etag));
    note_wait(response, request, context, answer.waited);
    exchange.reply(std::move(response));
}

// Says why there will never be a result.
Problem no_result(const JobRecord& job) {
    auto code = ProblemCode::kJobFailed;
    if (job.state == JobState::kCancelled) code = ProblemCode::kJobCancelled;
    if (job.state == JobState::kExpired) code = ProblemCode::kJobExpired;
    auto detail = fmt::format("The job is {} and has no result.", name(job.state));
    if (!job.error_code.empty()) {
        detail += fmt::format(" {}: {}", job.error_code, job.error_message);
    }
    return {code, std::move(detail), {}, {{"job_id", '"' + job.id.str() + '"'}}};
}

void answer_result(const ApiContext& context, Exchange& exchange, JobAnswer answer) {
    const auto& request = exchange.request();
    if (!answer.job.has_value()) {
        return reply_read_error(exchange, answer.job.error());
    }
    auto& job = *answer.job;
    if (!info(job.state).is_final) {
        auto response = job_response(context, job, 202);
        note_wait(response, request, context, answer.waited);
        return exchange.reply(std::move(response));
    }
    if (job.state != JobState::kCompleted) return reply_problem(exchange, no_result(job));
    Response response{.body = std::move(job.output_json).value_or("null")};
    note_wait(response, request, context, answer.waited);
    exchange.reply(std::move(response));
}

// Answers with a list, or with the problem.
template <class T, class Encode>
auto list_answer(const ExchangePtr& exchange, Encode encode) {
    return on_connection<Result<T>>(exchange, [exchange, encode](const Result<T>& result) {
        if (!result.has_value()) return reply_error(*exchange, result.error());
        exchange->reply({.body = encode(*result)});
    });
}

}  // namespace

void with_job_id(const ApiContext& context, const ExchangePtr& exchange,
                 std::function<void(JobId)> go_on) {
    const auto& text = exchange->request().path_id;
    if (const auto id = JobId::parse(text)) return go_on(*id);
    if (!codec::is_client_id(text)) return reply_problem(*exchange, no_such_job(text));
    context.services.reads.find(
        text, on_connection<Result<JobId>>(
                  exchange, [exchange, go_on = std::move(go_on)](const Result<JobId>& id) {
                      if (!id.has_value()) return reply_read_error(*exchange, id.error());
                      go_on(*id);
                  }));
}

void reply_read_error(Exchange& exchange, const Error& error) {
    if (error.code != ErrorCode::kNotFound) return reply_error(exchange, error);
    reply_problem(exchange, no_such_job(exchange.request().path_id));
}

Problem no_such_job(std::string_view id) {
    if (JobId::parse(id)) {
        return {ProblemCode::kJobNotFound,
                fmt::format("The job \"{}\" does not exist or no longer exists: jobs that have "
                            "ended are kept for keeper.partition_retention.",
                            id),
                "id"};
    }
    if (codec::is_client_id(id)) {
        return {ProblemCode::kJobNotFound,
                fmt::format("There is no job \"{}\". Either no job was created with this id by "
                            "PUT, or it has ended and is no longer kept. Ids that the gateway "
                            "assigns look like {}.",
                            id, kIdExample),
                "id"};
    }
    return {ProblemCode::kJobNotFound,
            fmt::format("There is no job \"{}\"; ids look like {}.", codec::shown(id), kIdExample),
            "id"};
}

Response job_response(const ApiContext& context, const JobRecord& job, int status) {
    Response response{.status = status, .body = codec::job_json(job, context.services.fleet)};
    if (!info(job.state).is_final) {
        response.headers.emplace_back("openai-poll-after-ms", kPollAfterMs);
    }
    return response;
}

void get_job(const ApiContext& context, const ExchangePtr& exchange) {
    const auto fields = codec::decode_include(exchange->request().query);
    if (!fields.has_value()) return reply_problem(*exchange, fields.error());
    with_job_id(context, exchange, [&context, exchange, fields = *fields](JobId id) {
        read_job(
            context, exchange,
            {.id = id, .fields = fields, .wait = wait_of(exchange->request(), context.options)},
            [&context, exchange, fields](const JobAnswer& answer) {
                answer_job(context, *exchange, fields, answer);
            });
    });
}

void get_result(const ApiContext& context, const ExchangePtr& exchange) {
    const auto query = codec::decode_no_query(exchange->request().query);
    if (!query.has_value()) return reply_problem(*exchange, query.error());
    with_job_id(context, exchange, [&context, exchange](JobId id) {
        read_job(context, exchange,
                 {.id = id,
                  .fields = {.output = true, .partial = true},
                  .wait = wait_of(exchange->request(), context.options)},
                 [&context, exchange](JobAnswer answer) {
                     answer_result(context, *exchange, std::move(answer));
                 });
    });
}

void list_jobs(const ApiContext& context, const ExchangePtr& exchange) {
    auto filter = codec::decode_list_query(exchange->request().query, context.options);
    if (!filter.has_value()) return reply_problem(*exchange, filter.error());
    context.services.scans.list(
        *std::move(filter),
        list_answer<service::JobList>(exchange, [&context](const service::JobList& page) {
            return codec::job_list_json(page, context.services.fleet);
        }));
}

void list_queues(const ApiContext& context, const ExchangePtr& exchange) {
    const auto query = codec::decode_no_query(exchange->request().query);
    if (!query.has_value()) return reply_problem(*exchange, query.error());
    context.services.lanes.lanes(list_answer<std::vector<storage::LaneStats>>(
        exchange, [](const auto& lanes) { return codec::lane_list_json(lanes); }));
}

void list_workers(const ApiContext& context, const ExchangePtr& exchange) {
    const auto query = codec::decode_worker_query(exchange->request().query);
    if (!query.has_value()) return reply_problem(*exchange, query.error());
    context.services.fleet.workers(list_answer<std::vector<storage::WorkerRecord>>(
        exchange, [query = *query](std::vector<storage::WorkerRecord> workers) {
            std::erase_if(workers, [&](const auto& worker) { return !query.shows(worker); });
            return codec::worker_list_json(workers);
        }));
}

}  // namespace millrace::api

// POST /v1/jobs/{id}/cancel and POST /v1/jobs:cancel, and the count of the jobs that match a
// filter.

#include <algorithm>
#include <array>

#include "producer/api/codec/job_json.h"
#include "producer/api/codec/job_selection.h"
#include "producer/api/codec/list_query.h"
#include "producer/api/codec/submission.h"
#include "producer/api/handlers.h"

namespace millrace::api {

using json_text::JsonWriter;
using server::on_connection;
using server::reply_error;
using server::reply_problem;
using service::CancelTotals;
using storage::JobRecord;

namespace {

constexpr std::int64_t kPreviewMax = 100'000;  // A preview counts no further.

codec::Decoded<codec::JobSelection> decode_cancel(std::string_view body,
                                                  const codec::ApiOptions& options) {
    constexpr std::array kOpen{JobState::kScheduled, JobState::kBlocked, JobState::kQueued,
                               JobState::kInProgress};
    TRY(const auto value,
        codec::check_object(body, options, "an object such as {\"status\": \"queued\"}"));
    TRY(const auto fields, codec::JsonFields::of(value, "", codec::kSelectionFields));
    return codec::decode_selection(fields,
                                   {.states = kOpen,
                                    .usual = {kOpen.begin(), kOpen.end()},
                                    .limit_max = options.cancel_jobs_max},
                                   options);
}

void answer_totals(Exchange& exchange, const Result<CancelTotals>& totals) {
    if (!totals.has_value()) return reply_error(exchange, totals.error());
    JsonWriter json;
    json.begin_object();
    json.member("object", "cancellation");
    json.member("matched", totals->cancelled + totals->cancelling);
    json.member("cancelled", totals->cancelled);
    json.member("cancelling", totals->cancelling);
    codec::write_next(json, totals->next);
    json.end_object();
    exchange.reply({.body = std::move(json).text()});
}

}  // namespace

void preview(const ApiContext& context, const ExchangePtr& exchange, storage::JobFilter filter,
             std::string_view object) {
    const auto answer = [exchange, object](const Result<service::JobCount>& count) {
        if (!count.has_value()) return reply_error(*exchange, count.error());
        const bool is_capped = count->matching > kPreviewMax;
        JsonWriter json;
        json.begin_object();
        json.member("object", object);
        json.member("count", std::min(count->matching, kPreviewMax));
        json.member("has_more", is_capped || count->next.has_value());
        json.name("next");
        // Beyond the cap, where the next count would begin is not known.
        count->next && !is_capped ? json.value(count->next->str()) : json.null();
        json.end_object();
        exchange->reply({.body = std::move(json).text()});
    };
    context.services.scans.count(std::move(filter), kPreviewMax + 1,
                                 on_connection<Result<service::JobCount>>(exchange, answer));
}

void cancel_job(const ApiContext& context, const ExchangePtr& exchange) {
    const auto query = codec::decode_no_query(exchange->request().query);
    if (!query.has_value()) return reply_problem(*exchange, query.error());
    with_job_id(context, exchange, [&context, exchange](JobId id) {
        context.services.commands.cancel(
            id, on_connection<Result<JobRecord>>(
                    exchange, [&context, exchange](const Result<JobRecord>& job) {
                        if (!job.has_value()) return reply_read_error(*exchange, job.error());
                        const int status = info(job->state).is_final ? 200 : 202;
                        exchange->reply(job_response(context, *job, status));
                    }));
    });
}

void cancel_jobs(const ApiContext& context, const ExchangePtr& exchange) {
    if (const auto problem = check_json_head(exchange->request())) {
        return reply_problem(*exchange, *problem);
    }
    auto selection = decode_cancel(exchange->request().body, context.options);
    if (!selection.has_value()) return reply_problem(*exchange, selection.error());
    if (selection->dry_run) {
        return preview(context, exchange, std::move(selection->filter), "cancel_preview");
    }
    context.services.scans.cancel_matching(
        std::move(selection->filter),
        on_connection<Result<CancelTotals>>(
            exchange, [exchange](const auto& totals) { answer_totals(*exchange, totals); }));
}

}  // namespace millrace::api

// POST /v1/jobs and POST /v1/jobs:batch.

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/telemetry/telemetry.h"
#include "producer/api/codec/idempotency.h"
#include "producer/api/codec/job_json.h"
#include "producer/api/codec/list_query.h"
#include "producer/api/codec/submission.h"
#include "producer/api/handlers.h"
#include "producer/api/job_wait.h"
#include "producer/server/compression.h"
#include "producer/server/header_values.h"

namespace millrace::api {

using json_text::JsonWriter;
using server::body_coding;
using server::BodyCoding;
using server::is_default_media_type;
using server::is_json_media_type;
using server::on_connection;
using server::problem_item_json;
using server::problem_of;
using server::ProblemCode;
using server::reply_problem;
using server::reported_problem;
using service::SubmitReply;
using service::SubmitRequest;
using service::SubmitResult;
using storage::IdempotencyKey;
using storage::JobRecord;

namespace {

constexpr std::size_t kKeySizeMax = 255;
constexpr std::size_t kBatchKeySizeMax = 240;  // Leaves room for the job's place in the batch.

codec::SubmissionRules rules_of(const ApiContext& context) {
    return {context.options, context.services.fleet.queues(),
            context.services.fleet.database_now()};
}

// The key of a scheduled job is remembered for its usual lifetime after the job may first run: a
// key for a job of next month must not create another one then.
void give_key(SubmitRequest& request, IdempotencyKey key, storage::DbTime now) {
    if (request.run_at && key.lifetime && key.scope == IdempotencyKey::Scope::kHeader) {
        *key.lifetime += std::chrono::ceil<milliseconds>(*request.run_at - now);
    }
    request.idempotency = std::move(key);
}

// The job as it is right after its commit, without a read from the store.
JobRecord record_of(const SubmitRequest& request) {
    return {.queue = request.spec.queue,
            .priority = request.spec.priority,
            .model = request.spec.model,
            .metadata_json = request.spec.metadata_json,
            .attempts_max = request.spec.policy.attempts_max,
            .run_at = request.run_at};
}

// The same, with the job's client id.
JobRecord record_of(const SubmitRequest& request, const std::optional<IdempotencyKey>& key) {
    auto record = record_of(request);
    if (key && key->scope == IdempotencyKey::Scope::kClientId) record.client_id = key->key;
    return record;
}

void complete_record(JobRecord& record, const SubmitReply& reply,
                     const std::optional<milliseconds>& ttl) {
    record.id = reply.id;
    record.state = reply.state;
    record.created_at = storage::DbTime(uuid_unix_time(reply.id.uuid()));
    if (reply.state == JobState::kQueued) record.queued_at = record.created_at;
    // The ttl counts from when the job may first run.
    const auto due_at = reply.state == JobState::kScheduled
                            ? record.run_at.value_or(record.created_at)
                            : record.created_at;
    if (ttl) record.expires_at = due_at + *ttl;
}

// The models that a live worker serves come first. Jobs for the others would wait.
std::string known_models(const service::Fleet& fleet, const std::string& queue) {
    auto served = fleet.models(queue);
    const auto lacks_worker = [&](const std::string& model) {
        return !fleet.has_worker(queue, model);
    };
    std::vector<std::string> idle;
    std::ranges::copy_if(served, std::back_inserter(idle), lacks_worker);
    if (idle.empty()) return codec::known_names(served);
    std::erase_if(served, lacks_worker);
    const auto list =
        served.empty() ? "No live worker serves any model." : codec::known_names(served);
    return fmt::format("{} These have no live worker: {}", list, codec::name_list(idle));
}

Problem unknown_model(const ApiContext& context, const JobSpec& spec, std::string param) {
    return {ProblemCode::kModelNotFound,
            fmt::format("No worker of queue \"{}\" serves the model \"{}\". {}", spec.queue,
                        codec::shown(spec.model), known_models(context.services.fleet, spec.queue)),
            std::move(param)};
}

// Counts a refusal by the API; the service counts its own.
void count_refusal(const Problem& problem) {
    telemetry::count<telemetry::Metric::kSubmitsRefused>(1, info(problem.code).code);
}

void refuse(Exchange& exchange, const Problem& problem) {
    count_refusal(problem);
    reply_problem(exchange, problem);
}

bool is_served(const ApiContext& context, const std::string& queue, const std::string& model) {
    const auto models = context.services.fleet.models(queue);
    return std::ranges::find(models, model) != models.end();
}

void answer_submitted(const ApiContext& context, Exchange& exchange, const JobRecord& job,
                      const std::optional<IdempotencyKey::Scope>& replayed, bool waited) {
    const bool is_final = info(job.state).is_final;
    auto response = job_response(context, job, replayed || (waited && is_final) ? 200 : 202);
    response.headers.emplace_back("Location", "/v1/jobs/" + job.id.str());
    if (replayed)
        response.headers.emplace_back("Idempotency-Replayed", codec::replayed_text(*replayed));
    if (waited) {
        const auto wait = wait_of(exchange.request(), context.options);
        response.headers.emplace_back("Preference-Applied", applied_text(*wait));
    }
    exchange.reply(std::move(response));
}

// The progress of one submission: model, commit, answer.
struct Submitting {
    const ApiContext& context;
    ExchangePtr exchange;
    SubmitRequest request;
    std::optional<IdempotencyKey> key;
    JobRecord record;
};
using SubmittingPtr = std::shared_ptr<Submitting>;

void take_result(const SubmittingPtr& job, const std::optional<milliseconds>& ttl,
                 const SubmitResult& result) {
    if (!result.has_value())
        return reply_problem(*job->exchange, problem_of_submit(*job->exchange, result.error()));
    if (result->key_reused) return reply_problem(*job->exchange, codec::reused_key(*job->key));
    complete_record(job->record, *result, ttl);
    const auto wait = wait_of(job->exchange->request(), job->context.options);
    if (!wait && !result->replayed) {
        return answer_submitted(job->context, *job->exchange, job->record, {}, false);
    }
    std::optional<IdempotencyKey::Scope> replayed;
    if (result->replayed) replayed = job->key->scope;
    read_job(job->context, job->exchange,
             {.id = result->id,
              .fields = {.output = true, .partial = true},
              .wait = wait,
              .known = job->record},
             [job, replayed](JobAnswer answer) {
                 // The reading has a known job, so it cannot fail.
                 answer_submitted(job->context, *job->exchange,
                                  answer.job.has_value() ? *answer.job : job->record, replayed,
                                  answer.waited);
             });
}

void commit(const SubmittingPtr& job) {
    const auto ttl = job->request.spec.policy.ttl;
    job->context.services.submissions.submit(
        std::move(job->request),
        on_connection<SubmitResult>(job->exchange, [job, ttl](const SubmitResult& result) {
            take_result(job, ttl, result);
        }));
}

// What the answer for a job of a batch needs once its request is on its way.
struct Submitted {
    JobRecord record;
    std::optional<milliseconds> ttl;
    std::optional<IdempotencyKey> key;
};

// The progress of a batch. `submissions` keeps the order of the body; their requests leave with the
// commit.
struct Batch {
    const ApiContext& context;
    ExchangePtr exchange;
    std::vector<codec::Submission> submissions;
    std::vector<Submitted> submitted{};
    std::size_t models_asked = 0;
};
using BatchPtr = std::shared_ptr<Batch>;

// The problem for the whole answer, if the service accepted no job because it cannot right now.
std::optional<Problem> common_refusal(const std::vector<SubmitResult>& results) {
    const auto refused = [](const SubmitResult& result) {
        return !result.has_value() && (result.error().error.code == ErrorCode::kUnavailable ||
                                       result.error().error.code == ErrorCode::kResourceExhausted);
    };
    if (results.empty() || !std::ranges::all_of(results, refused)) return std::nullopt;
    return problem_of(results.front().error().error);
}

void write_item(JsonWriter& json, const Batch& batch, std::size_t i, const SubmitResult& result) {
    const auto& [made, ttl, key] = batch.submitted[i];
    if (!result.has_value())
        return json.raw(problem_item_json(problem_of_submit(*batch.exchange, result.error())));
    if (result->key_reused) return json.raw(problem_item_json(codec::reused_key(*key)));
    auto record = made;
    complete_record(record, *result, ttl);
    codec::write_job(json, record, batch.context.services.fleet);
}

void answer_batch(const Batch& batch, const std::vector<SubmitResult>& results) {
    if (const auto problem = common_refusal(results)) {
        return reply_problem(*batch.exchange, *problem);
    }
    JsonWriter json;
    json.begin_object();
    json.member("object", "list");
    json.name("data");
    json.begin_array();
    std::size_t next = 0;
    for (const auto& submission : batch.submissions) {
        if (submission.has_value()) {
            write_item(json, batch, next, results[next]);
            ++next;
        } else {
            count_refusal(submission.error());
            json.raw(problem_item_json(submission.error()));
        }
    }
    json.end_array();
    json.member("has_more", false);
    json.end_object();
    batch.exchange->reply({.status = 202, .body = std::move(json).text()});
}

void commit(const BatchPtr& batch) {
    std::vector<SubmitRequest> requests;
    for (auto& submission : batch->submissions) {
        if (!submission.has_value()) continue;
        batch->submitted.push_back(
            {record_of(*submission), submission->spec.policy.ttl, submission->idempotency});
        requests.push_back(*std::move(submission));
    }
    if (requests.empty()) return answer_batch(*batch, {});
    batch->context.services.submissions.submit_many(
        std::move(requests),
        on_connection<std::vector<SubmitResult>>(
            batch->exchange,
            [batch](const std::vector<SubmitResult>& results) { answer_batch(*batch, results); }));
}

// Refuses all jobs with this queue and model.
void refuse_model(Batch& batch, const std::string& queue, const std::string& model) {
    for (std::size_t i = 0; i < batch.submissions.size(); ++i) {
        auto& submission = batch.submissions[i];
        if (!submission.has_value()) continue;
        const auto& spec = submission->spec;
        if (spec.queue != queue || spec.model != model) continue;
        submission = unknown_model(batch.context, spec, fmt::format("jobs[{}].model", i));
    }
}

void check_models(const BatchPtr& batch) {
    std::set<std::pair<std::string, std::string>> unknown;
    for (const auto& submission : batch->submissions) {
        if (submission.has_value()) {
            unknown.emplace(submission->spec.queue, submission->spec.model);
        }
    }
    std::erase_if(unknown, [&](const auto& pair) {
        return is_served(batch->context, pair.first, pair.second);
    });
    if (unknown.empty()) return commit(batch);
    batch->models_asked = unknown.size();
    for (const auto& [queue, model] : unknown) {
        batch->context.services.fleet.model_known(
            queue, model,
            on_connection<bool>(batch->exchange, [batch, queue = queue, model = model](bool known) {
                if (!known) refuse_model(*batch, queue, model);
                if (--batch->models_asked == 0) commit(batch);
            }));
    }
}

void submit_one(const ApiContext& context, const ExchangePtr& exchange,
                std::optional<IdempotencyKey> key) {
    const auto rules = rules_of(context);
    auto submission = codec::decode_submission(exchange->request().body, rules);
    if (!submission.has_value()) return refuse(*exchange, submission.error());
    if (key) give_key(*submission, *key, rules.now);
    auto record = record_of(*submission, key);
    const auto job = std::make_shared<Submitting>(
        Submitting{context, exchange, *std::move(submission), std::move(key), std::move(record)});
    const auto& spec = job->request.spec;
    if (is_served(context, spec.queue, spec.model)) return commit(job);
    context.services.fleet.model_known(
        spec.queue, spec.model, on_connection<bool>(exchange, [job](bool known) {
            if (known) return commit(job);
            refuse(*job->exchange, unknown_model(job->context, job->request.spec, "model"));
        }));
}

}  // namespace

std::optional<Problem> check_json_head(const Request& request) {
    const auto query = codec::decode_no_query(request.query);
    if (!query.has_value()) return query.error();
    if (body_coding(request.content_encoding) == BodyCoding::kUnknown) {
        return Problem{ProblemCode::kUnsupportedMediaType,
                       fmt::format("The Content-Encoding is \"{}\"; send gzip, deflate or none.",
                                   codec::shown(request.content_encoding)),
                       {}};
    }
    if (is_json_media_type(request.content_type)) return std::nullopt;
    // Tools such as curl -d send a default type with any body. A page in a browser must say that it
    // sends JSON: the browser then first asks whether pages from other sites may, so they cannot
    // submit jobs to a gateway that the user's browser can reach. (There are no cookies to abuse.)
    const bool is_default = is_default_media_type(request.content_type);
    if (is_default && !request.has_origin) return std::nullopt;
    return Problem{
        ProblemCode::kUnsupportedMediaType,
        fmt::format("The Content-Type is \"{}\"; send JSON, with Content-Type: application/json.",
                    codec::shown(request.content_type)),
        {}};
}

Problem problem_of_submit(const Exchange& exchange, const service::SubmitError& failed) {
    auto problem = reported_problem(exchange, failed.error);
    if (failed.id) problem.members.emplace_back("job_id", '"' + failed.id->str() + '"');
    return problem;
}

void submit_job(const ApiContext& context, const ExchangePtr& exchange) {
    const auto& request = exchange->request();
    if (const auto problem = check_json_head(request)) return refuse(*exchange, *problem);
    auto key = codec::idempotency_of(request, context.options, kKeySizeMax);
    if (!key.has_value()) return refuse(*exchange, key.error());
    submit_one(context, exchange, *std::move(key));
}

void put_job(const ApiContext& context, const ExchangePtr& exchange) {
    const auto& request = exchange->request();
    if (const auto problem = check_json_head(request)) return refuse(*exchange, *problem);
    auto key = codec::client_id_of(request);
    if (!key.has_value()) return refuse(*exchange, key.error());
    submit_one(context, exchange, *std::move(key));
}

void submit_batch(const ApiContext& context, const ExchangePtr& exchange) {
    const auto& request = exchange->request();
    if (const auto problem = check_json_head(request)) return refuse(*exchange, *problem);
    const auto idempotency = codec::idempotency_of(request, context.options, kBatchKeySizeMax);
    if (!idempotency.has_value()) return refuse(*exchange, idempotency.error());
    const auto rules = rules_of(context);
    auto submissions = codec::decode_batch(request.body, rules);
    if (!submissions.has_value()) return refuse(*exchange, submissions.error());
    // Each job has its own key, so that a partly accepted batch can be sent again.
    for (std::size_t i = 0; *idempotency && i < submissions->size(); ++i) {
        auto& submission = (*submissions)[i];
        if (!submission.has_value()) continue;
        auto key = **idempotency;
        key.key += fmt::format("/{}", i);
        give_key(*submission, std::move(key), rules.now);
    }
    check_models(std::make_shared<Batch>(Batch{context, exchange, *std::move(submissions)}));
}

}  // namespace millrace::api

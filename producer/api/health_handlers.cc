// /healthz, /readyz and /metrics.

#include "common/json/json_writer.h"
#include "common/telemetry/telemetry.h"
#include "producer/api/handlers.h"

namespace millrace::api {

using json_text::JsonWriter;
using server::on_connection;
using server::ProblemCode;
using server::reply_problem;

namespace {

std::string checks_json(const service::Readiness& ready, bool accepts) {
    JsonWriter json;
    json.begin_object();
    json.member("store_commits", ready.store_commits);
    json.member("schema_current", ready.schema_current);
    json.member("workers_consume", ready.workers_consume);
    json.member("accepts_requests", accepts);
    json.end_object();
    return std::move(json).text();
}

void answer_readiness(Exchange& exchange, const service::Readiness& ready, bool accepts) {
    auto checks = checks_json(ready, accepts);
    if (ready.store_commits && ready.schema_current && ready.workers_consume && accepts) {
        return exchange.reply({.body = "{\"status\":\"ready\",\"checks\":" + checks + "}"});
    }
    std::string detail = ready.detail;
    if (!accepts) detail = "The gateway is shutting down; use another.";
    if (detail.empty()) detail = "See `checks` for what is missing.";
    reply_problem(exchange,
                  {ProblemCode::kNotReady, std::move(detail), {}, {{"checks", std::move(checks)}}});
}

}  // namespace

void health(const ApiContext&, const ExchangePtr& exchange) {
    exchange->reply({.body = R"({"status":"ok"})"});
}

void readiness(const ApiContext& context, const ExchangePtr& exchange) {
    context.services.fleet.readiness(on_connection<service::Readiness>(
        exchange, [&context, exchange](const service::Readiness& ready) {
            answer_readiness(*exchange, ready, !exchange->is_draining());
        }));
}

void metrics(const ApiContext&, const ExchangePtr& exchange) {
    exchange->reply({.content_type = telemetry::kContentType, .body = telemetry::render()});
}

}  // namespace millrace::api

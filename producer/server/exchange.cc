#include "producer/server/exchange.h"

#include "common/base/log.h"

namespace millrace::server {

Response problem_response(const Problem& problem, std::string_view instance) {
    const auto& row = info(problem.code);
    Response response{.status = row.status,
                      .content_type = "application/problem+json",
                      .body = problem_json(problem, instance)};
    if (row.retry == RetryAdvice::kNever) response.headers.emplace_back("x-should-retry", "false");
    if (row.retry == RetryAdvice::kSoon) response.headers.emplace_back("Retry-After", "1");
    return response;
}

void reply_problem(Exchange& exchange, const Problem& problem) {
    exchange.reply(problem_response(problem, exchange.request().path));
}

Problem reported_problem(const Exchange& exchange, const Error& error) {
    auto problem = problem_of(error);
    if (problem.code == ProblemCode::kInternal) {
        log_error("a request failed", {{"request", exchange.request().id},
                                       {"path", exchange.request().path},
                                       {"error", to_string(error)}});
    }
    return problem;
}

void reply_error(Exchange& exchange, const Error& error) {
    reply_problem(exchange, reported_problem(exchange, error));
}

}  // namespace millrace::server

#include "producer/api/exchange.h"

namespace millrace::api {

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

}  // namespace millrace::api

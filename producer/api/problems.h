// Failures as clients see them: one shape, an RFC 9457 problem with OpenAI's `error` object in it.
//
// Threads: pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/error.h"

namespace millrace::api {

enum class ProblemCode {
#define PROBLEM(enumerator, status, code, retry, title) enumerator,
#include "producer/api/problems.inc"
#undef PROBLEM
};

enum class RetryAdvice { kAsUsual, kNever, kSoon };

struct ProblemInfo {
    ProblemCode id;
    int status;
    std::string_view code;
    RetryAdvice retry;
    std::string_view title;
};

// The table, one row per code, in the order of the enumeration.
std::span<const ProblemInfo> problem_table();
const ProblemInfo& info(ProblemCode code);

struct Problem {
    ProblemCode code = ProblemCode::kInternal;
    std::string detail;  // A sentence: what is wrong and what to change.
    std::string param;   // The field or parameter at fault, as a path; empty: none.
    // Further members of the problem, as name and JSON text.
    std::vector<std::pair<std::string, std::string>> members{};
};

// What a failed call of the service is to a client. Internal errors keep their text to themselves.
Problem problem_of(const Error& error);

// "invalid_request_error", "rate_limit_error" or "server_error": OpenAI's coarse classes.
std::string_view error_type(int status);

// The whole body. `instance` is the path that was asked for.
std::string problem_json(const Problem& problem, std::string_view instance);
// {"object":"error","status":…,"error":{…}}: a failed item among others.
std::string problem_item_json(const Problem& problem);

}  // namespace millrace::api

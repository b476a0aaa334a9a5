// Failures in the form that clients see: an RFC 9457 problem that contains OpenAI's `error` object.
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

namespace millrace::server {

enum class ProblemCode {
#define PROBLEM(enumerator, status, code, retry, title) enumerator,
#include "producer/server/problems.inc"
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

// The table: one row per code, in the order of the enumeration.
std::span<const ProblemInfo> problem_table();
const ProblemInfo& info(ProblemCode code);

struct Problem {
    ProblemCode code = ProblemCode::kInternal;
    std::string detail;  // A sentence that says what is wrong and what to change.
    std::string param;   // The path of the invalid field or parameter; empty: none.
    // Additional members of the problem, each a name and JSON text.
    std::vector<std::pair<std::string, std::string>> members{};
};

// Translates a failed service call for a client. The text of internal errors is left out.
Problem problem_of(const Error& error);

// OpenAI's coarse classes: "invalid_request_error", "rate_limit_error" or "server_error".
std::string_view error_type(int status);

// The complete body. `instance` is the requested path.
std::string problem_json(const Problem& problem, std::string_view instance);
// One failed item in a list: {"object":"error","status":…,"error":{…}}
std::string problem_item_json(const Problem& problem);

}  // namespace millrace::server

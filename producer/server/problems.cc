#include "producer/server/problems.h"

#include <array>

#include "common/base/check.h"
#include "common/json/json_writer.h"

namespace millrace::server {

using json_text::JsonWriter;

namespace {

constexpr std::array kProblems{
#define PROBLEM(enumerator, status, code, retry, title) \
    ProblemInfo{ProblemCode::enumerator, status, code, RetryAdvice::retry, title},
#include "producer/server/problems.inc"
#undef PROBLEM
};

ProblemCode code_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::kInvalidArgument:
            return ProblemCode::kInvalidRequest;
        case ErrorCode::kNotFound:
            return ProblemCode::kJobNotFound;
        case ErrorCode::kAlreadyExists:
        case ErrorCode::kConflict:
            return ProblemCode::kConflict;
        case ErrorCode::kResourceExhausted:
            return ProblemCode::kQueueFull;
        case ErrorCode::kUnavailable:
        case ErrorCode::kCancelled:
            return ProblemCode::kUnavailable;
        case ErrorCode::kDeadlineExceeded:
            return ProblemCode::kDeadlineExceeded;
        case ErrorCode::kOutcomeUnknown:
            return ProblemCode::kOutcomeUnknown;
        case ErrorCode::kDataCorrupt:
        case ErrorCode::kInternal:
            return ProblemCode::kInternal;
    }
    CHECK(false);
}

void write_error(JsonWriter& json, const Problem& problem) {
    const auto& row = info(problem.code);
    json.name("error");
    json.begin_object();
    json.member("message", problem.detail);
    json.member("type", error_type(row.status));
    if (problem.param.empty()) {
        json.null_member("param");
    } else {
        json.member("param", problem.param);
    }
    json.member("code", row.code);
    json.end_object();
}

}  // namespace

std::span<const ProblemInfo> problem_table() {
    return kProblems;
}

const ProblemInfo& info(ProblemCode code) {
    const auto& row = kProblems.at(static_cast<std::size_t>(code));
    CHECK(row.id == code);
    return row;
}

Problem problem_of(const Error& error) {
    const auto code = code_of(error.code);
    if (code != ProblemCode::kInternal) return {code, error.message, {}};
    return {
        code, "The server had an internal error; its log has details under this request id.", {}};
}

std::string_view error_type(int status) {
    if (status == 429) return "rate_limit_error";
    return status >= 500 ? "server_error" : "invalid_request_error";
}

std::string problem_json(const Problem& problem, std::string_view instance) {
    const auto& row = info(problem.code);
    JsonWriter json;
    json.begin_object();
    json.member("type", "urn:millrace:problem:" + std::string(row.code));
    json.member("title", row.title);
    json.member("status", row.status);
    json.member("detail", problem.detail);
    json.member("instance", instance);
    for (const auto& [name, value] : problem.members) json.raw_member(name, value);
    write_error(json, problem);
    json.end_object();
    return std::move(json).text();
}

std::string problem_item_json(const Problem& problem) {
    JsonWriter json;
    json.begin_object();
    json.member("object", "error");
    json.member("status", info(problem.code).status);
    for (const auto& [name, value] : problem.members) json.raw_member(name, value);
    write_error(json, problem);
    json.end_object();
    return std::move(json).text();
}

}  // namespace millrace::server

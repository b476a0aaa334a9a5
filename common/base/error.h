// Errors as values: a code that says what the caller should do, and a message for a person.
//
// A code exists only where some caller acts on it differently; `error_info` is the one table of
// their texts, whether a retry makes sense, and the HTTP status they become at the edge.
//
// Threads: immutable values.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace millrace {

enum class ErrorCode {
    kInvalidArgument,    // The request is wrong: never retry it unchanged.
    kNotFound,           // No such thing.
    kAlreadyExists,      // The name is taken.
    kConflict,           // A race or a lease was lost: drop the work.
    kResourceExhausted,  // A limit was reached: back off.
    kUnavailable,        // A dependency is down and nothing was changed: retry with backoff.
    kDeadlineExceeded,   // Out of time.
    kOutcomeUnknown,     // It may have happened: re-read, then decide.
    kCancelled,          // Asked to stop.
    kDataCorrupt,        // It cannot be decoded or stored: nothing but a person can help.
    kInternal,           // A bug that survived a check.
};

struct ErrorInfo {
    ErrorCode code;
    std::string_view name;  // snake_case, used in logs and in API error codes.
    bool retryable;         // Whether the same request may succeed later.
    int http_status;
};

// The table, one row per code, in the order of the enumeration.
std::span<const ErrorInfo> error_table();
const ErrorInfo& error_info(ErrorCode code);

struct Error {
    ErrorCode code = ErrorCode::kInternal;
    std::string message;  // A sentence: what is wrong and what to change. No secrets, no payloads.

    bool operator==(const Error&) const = default;
};

// The two that are made most often, by their codes.
Error invalid(std::string message);
Error corrupt(std::string message);

// "unavailable: PostgreSQL refused the connection"
std::string to_string(const Error& error);

}  // namespace millrace

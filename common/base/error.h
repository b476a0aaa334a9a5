// Errors as values: a code that tells the caller what to do, and a message for people.
//
// A code exists only if some caller acts on it differently. `error_info` is the one table of the
// codes' names, whether a retry makes sense, and the HTTP status that each becomes at the edge.
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
    kDeadlineExceeded,   // The time ran out.
    kOutcomeUnknown,     // The change may have happened: re-read, then decide.
    kCancelled,          // The caller asked to stop.
    kDataCorrupt,        // The data cannot be decoded or stored: a person has to help.
    kInternal,           // A bug that passed a check.
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

// The two errors that are made most often.
Error invalid(std::string message);
Error corrupt(std::string message);

// "unavailable: PostgreSQL refused the connection"
std::string to_string(const Error& error);

}  // namespace millrace

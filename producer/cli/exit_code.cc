#include "producer/cli/exit_code.h"

#include "producer/cli/terminal.h"

namespace millrace::cli {

ExitCode exit_code(const Error& error) {
    switch (error.code) {
        case ErrorCode::kInvalidArgument:
        case ErrorCode::kAlreadyExists:
            return kUsage;
        case ErrorCode::kNotFound:
            return kNotFound;
        case ErrorCode::kUnavailable:
        case ErrorCode::kResourceExhausted:
            return kUnreachable;
        case ErrorCode::kDeadlineExceeded:
            return kTimedOut;
        default:
            return kFailure;
    }
}

int fail(const Error& error) {
    note(error.message);
    return exit_code(error);
}

}  // namespace millrace::cli

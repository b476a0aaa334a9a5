// The exit codes of `millrace`, for scripts. `millrace --help` and docs/cli.md document them.
#pragma once

#include "common/base/error.h"

namespace millrace::cli {

enum ExitCode : int {
    kOk = 0,
    kFailure = 1,      // A job did not complete, or the call failed.
    kUsage = 2,        // The command line or the request is wrong.
    kNotFound = 3,     // No such job.
    kUnreachable = 4,  // The gateway cannot be reached, or is not ready to accept work.
    kTimedOut = 5,     // The wait ended before the job did.
};

ExitCode exit_code(const Error& error);

// Prints "millrace: <message>" to standard error and returns the exit code.
int fail(const Error& error);

}  // namespace millrace::cli

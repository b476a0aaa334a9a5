// What `millrace` exits with, for scripts. Documented in `millrace --help` and docs/cli.md.
#pragma once

#include "common/base/error.h"

namespace millrace::cli {

enum ExitCode : int {
    kOk = 0,
    kFailure = 1,   // The job (or one of them) ended otherwise than completed, or the call failed.
    kUsage = 2,     // The command line or the request is wrong.
    kNotFound = 3,  // No such job.
    kUnreachable = 4,  // The gateway cannot be reached, or is not ready to accept work.
    kTimedOut = 5,     // The wait was over before the job was.
};

ExitCode exit_code(const Error& error);

// Prints "millrace: <message>" to standard error and returns the exit code.
int fail(const Error& error);

}  // namespace millrace::cli

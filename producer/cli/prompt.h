// Builds a job of `millrace submit`: its input and its other fields.
//
// Blocks: while it reads a file or standard input.
// Errors: kInvalidArgument, with the option's name.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "producer/cli/commands.h"

namespace millrace::cli {

// More than any gateway accepts (gateway.body_bytes_max). It stops the read of an endless file.
inline constexpr std::size_t kInputBytesMax = std::size_t{1} << 30;

// Reads a file, or standard input if `file` is "-".
Result<std::string> read_input(const std::string& file);

// Checks for options that exclude each other, and for those that need another one.
Status check_submit(const SubmitOptions& options);

// The job's input as JSON text; that of --input stays byte for byte. A final line break of a prompt
// from a file or standard input is removed.
Result<std::string> input_json(const SubmitOptions& options);

// The other fields as a JSON object, without the model: those of one job, or the defaults of jobs
// from JSON lines.
std::string envelope_json(const SubmitOptions& options);

}  // namespace millrace::cli

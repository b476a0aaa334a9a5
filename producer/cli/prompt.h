// What a job of `millrace submit` is made of: its input and what stands beside it.
//
// Blocks: while it reads a file or standard input.
// Errors: kInvalidArgument, with the option's name.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "producer/cli/commands.h"

namespace millrace::cli {

// More than any gateway takes (gateway.body_bytes_max); a file that has no end must end somewhere.
inline constexpr std::size_t kInputBytesMax = std::size_t{1} << 30;

// Of a file, or of standard input where it is "-".
Result<std::string> read_input(const std::string& file);

// Options that do not go together, and those that need another one.
Status check_submit(const SubmitOptions& options);

// The job's input as JSON text, byte for byte what --input says. A final line break of a prompt
// from a file or standard input is no part of it.
Result<std::string> input_json(const SubmitOptions& options);

// The other fields as a JSON object: of one job, or the defaults of jobs from JSON lines. Without
// the model.
std::string envelope_json(const SubmitOptions& options);

}  // namespace millrace::cli

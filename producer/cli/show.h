// Shows a job to people.
//
// Threads: values; functions that print follow terminal.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "producer/cli/api_client.h"

namespace millrace::cli {

// A member, or null; and its value as a string, a number or a boolean, or else empty, 0 or false.
// Nothing that a gateway sends makes them throw.
const Json& member_of(const Json& object, const char* key);
std::string text_of(const Json& object, const char* key);
std::int64_t number_of(const Json& object, const char* key);
bool flag_of(const Json& object, const char* key);
// "code: message" of a member that is an error; empty if it is null.
std::string error_of(const Json& object, const char* key);

// The bare result. If the output is a single text (a completion, a chat message, {"text": …}, a
// JSON string), it is that text; otherwise it is the JSON itself, on one line.
std::string output_text(std::string_view output_json);

// Everything that people want to know about the job, including its history if the answer has it.
std::string job_text(const Answer& job);

// Prints the outcome of a final job: its bare result on standard output, or the reason for having
// none on standard error. Returns the exit code.
int print_result(const Answer& job);

// If no worker serves the job, so that it may wait forever, says so and returns true.
bool note_if_nobody_serves(const Json& job);

// How the job ended: "failed: model_error: …", "completed in 1.2 s".
std::string ending_of(const Json& job);

}  // namespace millrace::cli

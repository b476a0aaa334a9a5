// A job as people read it.
//
// Threads: values; what prints, as terminal.h says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "producer/cli/api_client.h"

namespace millrace::cli {

// A member, or null; of what is a string, a number, a boolean: it, else empty, 0 and false.
// Whatever a gateway sends is no exception.
const Json& member_of(const Json& object, const char* key);
std::string text_of(const Json& object, const char* key);
std::int64_t number_of(const Json& object, const char* key);
bool flag_of(const Json& object, const char* key);
// "code: message" of a member that is an error; empty where it is null.
std::string error_of(const Json& object, const char* key);

// The bare result: the text of an output that is one text (a completion, a chat message,
// {"text": …}, a JSON string), else the JSON itself, on one line.
std::string output_text(std::string_view output_json);

// Everything of the job that people ask for. The history too, where the answer has it.
std::string job_text(const Answer& job);

// What became of a final job: its bare result on standard output, or why there is none on standard
// error. Returns the exit code.
int print_result(const Answer& job);

// Says, and returns true, where nobody is there to run the job, so that it may wait for ever.
bool note_if_nobody_serves(const Json& job);

// "failed: model_error: …", "completed in 1.2 s"
std::string ending_of(const Json& job);

}  // namespace millrace::cli

// Starts llama.cpp once for the process, and redirects its global log to the worker's log at debug
// level.
//
// Threads:   thread-safe.
#pragma once

#include <string>

namespace millrace::backends::llama {

void init_llama_library();

// The last line that the library logged as an error.
std::string llama_last_error();

}  // namespace millrace::backends::llama

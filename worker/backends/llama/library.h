// llama.cpp as a whole: started once, with its log, which is global, in ours at debug level.
//
// Threads:   thread-safe.
#pragma once

#include <string>

namespace millrace::worker {

void init_llama_library();

// The last line that the library logged as an error.
std::string llama_last_error();

}  // namespace millrace::worker

// Whether a file is a GGUF model that llama.cpp can read, told from its first eight bytes. Needs no
// llama.cpp, so that a wrong path is found before anything is started.
#pragma once

#include <string>

#include "common/base/result.h"

namespace millrace::worker {

// Errors: kNotFound (no such file, or not readable), kInvalidArgument (a folder, another format,
// an unknown GGUF version), each with the path and what was found there.
Status check_gguf(const std::string& path);

}  // namespace millrace::worker

// Checks, by its first eight bytes, whether a file is a GGUF model that llama.cpp can read. Does
// not need llama.cpp, so a wrong path is found before anything is started.
#pragma once

#include <string>

#include "common/base/result.h"

namespace millrace::backends {

// Errors: kNotFound (no such file, or not readable); kInvalidArgument (a folder, another format, or
// an unknown GGUF version). Each names the path and what was found there.
Status check_gguf(const std::string& path);

}  // namespace millrace::backends

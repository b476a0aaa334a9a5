// Guesses what a client meant by a path that does not exist.
//
// Threads: pure.
#pragma once

#include <string>
#include <string_view>

namespace millrace::api {

// Returns sentences that say which paths exist, for a path that does not.
std::string path_advice(std::string_view path);

}  // namespace millrace::api

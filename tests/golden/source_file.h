// Files of the source tree, for tests that compare them with the code.
#pragma once

#include <string>

namespace millrace::golden {

// Returns the text of a file, by its path from the root; fails the test if it cannot be read.
std::string source_file(const std::string& path);

}  // namespace millrace::golden

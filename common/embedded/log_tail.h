// The last log lines of a server that failed. Internal to the module.
#pragma once

#include <filesystem>
#include <string>

namespace millrace::embedded {

// "its log (PATH) ends with: ...", followed by the end of the file, or a note that it is empty.
std::string describe_log(const std::filesystem::path& path);

}  // namespace millrace::embedded

// What a server that failed has to say. Internal to the module.
#pragma once

#include <filesystem>
#include <string>

namespace millrace::embedded {

// "its log (PATH) ends with: ...", with the last lines of the file, or that there is none.
std::string describe_log(const std::filesystem::path& path);

}  // namespace millrace::embedded

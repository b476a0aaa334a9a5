#include "common/embedded/log_tail.h"

#include "common/process/log_file.h"

namespace millrace::embedded {

std::string describe_log(const std::filesystem::path& path) {
    constexpr std::size_t kTailBytes = 2000;
    const auto tail = process::log_end(path, kTailBytes);
    if (tail.empty()) return "it wrote nothing to its log " + path.string();
    return "its log (" + path.string() + ") ends with:\n" + tail;
}

}  // namespace millrace::embedded

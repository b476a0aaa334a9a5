#include "common/embedded/log_tail.h"

#include <algorithm>
#include <fstream>

namespace millrace::embedded {

std::string describe_log(const std::filesystem::path& path) {
    constexpr std::streamoff kTailBytes = 2000;
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) return "it left no log in " + path.string();
    const std::streamoff size = file.tellg();
    file.seekg(std::max<std::streamoff>(0, size - kTailBytes));
    const std::string tail((std::istreambuf_iterator<char>(file)), {});
    return "its log (" + path.string() + ") ends with:\n" + tail;
}

}  // namespace millrace::embedded

#include "worker/backends/http/server_text.h"

#include <algorithm>

#include "common/base/text.h"

namespace millrace::worker {

std::string one_line(std::string_view text) {
    constexpr std::size_t kBytesMax = 500;
    auto line = storable(std::string(beginning(text, kBytesMax)));
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return line;
}

void redact(std::string& text, std::string_view secret) {
    if (secret.empty()) return;
    constexpr std::string_view kMask = "***";
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
        text.replace(at, secret.size(), kMask);
        at += kMask.size();
    }
}

}  // namespace millrace::worker

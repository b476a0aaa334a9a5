#include "worker/backends/openai/sse_parser.h"

#include <utility>

namespace millrace::worker {

bool SseParser::feed(std::string_view bytes, const OnData& on_data) {
    while (!bytes.empty()) {
        if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
            bytes.remove_prefix(1);
            continue;
        }
        const auto end = bytes.find_first_of("\r\n");
        const auto part = bytes.substr(0, end);
        if (line_.size() + part.size() > event_bytes_max_) return false;
        line_ += part;
        if (end == std::string_view::npos) return true;
        after_cr_ = bytes[end] == '\r';
        bytes.remove_prefix(end + 1);
        if (!end_line(on_data)) return false;
    }
    return true;
}

bool SseParser::end_line(const OnData& on_data) {
    const auto text = std::exchange(line_, {});
    std::string_view line = text;
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (std::exchange(first_line_, false) && line.starts_with(kByteOrderMark)) {
        line.remove_prefix(kByteOrderMark.size());
    }
    if (line.empty()) {
        if (!std::exchange(has_data_, false)) return true;
        return on_data(std::exchange(data_, {}));
    }
    const auto colon = line.find(':');
    if (line.substr(0, colon) != "data") return true;
    auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (data_.size() + value.size() + 1 > event_bytes_max_) return false;
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
    return true;
}

}  // namespace millrace::worker

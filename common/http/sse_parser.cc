#include "common/http/sse_parser.h"

#include <utility>

namespace millrace::http {

bool SseParser::feed(std::string_view bytes, std::vector<ServerEvent>& events) {
    for (const char c : bytes) {
        const bool second_half = after_carriage_return_ && c == '\n';
        after_carriage_return_ = c == '\r';
        if (second_half) continue;
        if (c == '\n' || c == '\r') {
            take_line(events);
            continue;
        }
        if (line_.size() + event_.data.size() >= event_bytes_max_) return false;
        line_ += c;
    }
    return true;
}

void SseParser::take_line(std::vector<ServerEvent>& events) {
    const std::string line = std::exchange(line_, {});
    if (line.empty()) {
        if (has_data_) events.push_back(std::move(event_));
        event_ = {};
        has_data_ = false;
        return;
    }
    const auto colon = line.find(':');
    if (colon == 0) return;
    const std::string_view text = line;
    auto value = colon == std::string::npos ? std::string_view() : text.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    take_field(text.substr(0, colon), value);
}

void SseParser::take_field(std::string_view name, std::string_view value) {
    if (name == "data") {
        if (has_data_) event_.data += '\n';
        event_.data += value;
        has_data_ = true;
    } else if (name == "event") {
        event_.type = value;
    } else if (name == "id") {
        event_.id = value;
    }
}

}  // namespace millrace::http

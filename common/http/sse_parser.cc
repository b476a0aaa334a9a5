#include "common/http/sse_parser.h"

#include <utility>

#include "common/base/text.h"

namespace millrace::http {

bool SseParser::feed(std::string_view bytes, std::vector<ServerEvent>& events) {
    while (!bytes.empty()) {
        if (std::exchange(after_carriage_return_, false) && bytes.front() == '\n') {
            bytes.remove_prefix(1);
            continue;
        }
        const auto end = bytes.find_first_of("\r\n");
        const auto part = bytes.substr(0, end);
        if (line_.size() + event_.data.size() + part.size() > event_bytes_max_) return false;
        line_ += part;
        if (end == std::string_view::npos) return true;
        after_carriage_return_ = bytes[end] == '\r';
        bytes.remove_prefix(end + 1);
        take_line(events);
    }
    return true;
}

std::optional<ServerEvent> SseParser::rest() {
    std::vector<ServerEvent> events;
    if (!line_.empty()) take_line(events);
    if (!has_data_) return std::nullopt;
    has_data_ = false;
    return std::exchange(event_, {});
}

void SseParser::take_line(std::vector<ServerEvent>& events) {
    const std::string text = std::exchange(line_, {});
    std::string_view line = text;
    if (std::exchange(first_line_, false)) line = without_byte_order_mark(line);
    if (line.empty()) {
        if (has_data_) events.push_back(std::move(event_));
        event_ = {};
        has_data_ = false;
        return;
    }
    if (line.starts_with('{')) return take_data(line);
    const auto colon = line.find(':');
    auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    take_field(line.substr(0, colon), value);
}

void SseParser::take_field(std::string_view name, std::string_view value) {
    if (name == "data") {
        take_data(value);
    } else if (name == "error") {
        event_.type = name;
        take_data(value);
    } else if (name == "event") {
        event_.type = value;
    } else if (name == "id") {
        event_.id = value;
    }
}

void SseParser::take_data(std::string_view value) {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
}

}  // namespace millrace::http

// Server-sent events (WHATWG HTML, section 9.2.6) out of a stream of bytes, cut anywhere. Beyond
// the standard, an error that a server sends as a field of its own (`error: {…}`, llama.cpp until
// 2025) is an event of type `error`, and a line that is bare JSON, as proxies pass on the errors of
// their servers, is data: the standard would lose both.
//
// Threads: one caller at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::http {

struct ServerEvent {
    std::string type;  // The `event` field; empty where there was none.
    std::string id;
    std::string data;  // The `data` fields, joined by newlines.

    bool operator==(const ServerEvent&) const = default;
};

class SseParser {
 public:
    // An event larger than this, or one line of it, is garbage: feed() then returns false and takes
    // no more.
    explicit SseParser(std::size_t event_bytes_max) : event_bytes_max_(event_bytes_max) {}

    // Appends the events that the bytes complete. Comments and unknown fields are skipped, and so
    // are events without data, and one in whose middle the stream ends.
    bool feed(std::string_view bytes, std::vector<ServerEvent>& events);
    // The event that the end of the stream leaves without its empty line. The standard drops it,
    // but some servers end so: it is for the caller to find out whether it is whole.
    std::optional<ServerEvent> rest();

 private:
    void take_line(std::vector<ServerEvent>& events);
    void take_field(std::string_view name, std::string_view value);
    void take_data(std::string_view value);

    const std::size_t event_bytes_max_;
    std::string line_;
    bool after_carriage_return_ = false;  // A line feed that comes next ends no further line.
    bool first_line_ = true;
    ServerEvent event_;
    bool has_data_ = false;
};

}  // namespace millrace::http

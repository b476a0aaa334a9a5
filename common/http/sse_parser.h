// Parses server-sent events (WHATWG HTML, section 9.2.6) from a stream of bytes that is cut
// anywhere. It accepts two things that the standard would lose. An error that a server sends as its
// own field (`error: {…}`, llama.cpp until 2025) is an event of type `error`. A line of bare JSON
// is data; proxies pass on their servers' errors like that.
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
    std::string type;  // The `event` field; empty if there was none.
    std::string id;
    std::string data;  // The `data` fields, joined by newlines.

    bool operator==(const ServerEvent&) const = default;
};

class SseParser {
 public:
    // An event (or a single line) of more than `event_bytes_max` bytes is garbage: feed() then
    // returns false and accepts no more.
    explicit SseParser(std::size_t event_bytes_max) : event_bytes_max_(event_bytes_max) {}

    // Appends the events that the bytes complete. Comments and unknown fields are skipped, and so
    // are events without data, and an event cut off by the end of the stream.
    bool feed(std::string_view bytes, std::vector<ServerEvent>& events);
    // The event at the end of the stream that lacks its empty line. The standard drops it, but some
    // servers end that way; the caller must find out whether it is complete.
    std::optional<ServerEvent> rest();

 private:
    void take_line(std::vector<ServerEvent>& events);
    void take_field(std::string_view name, std::string_view value);
    void take_data(std::string_view value);

    const std::size_t event_bytes_max_;
    std::string line_;
    bool after_carriage_return_ = false;  // A line feed that comes next ends no line.
    bool first_line_ = true;
    ServerEvent event_;
    bool has_data_ = false;
};

}  // namespace millrace::http

// Splits a stream of server-sent events (WHATWG HTML, section 9.2) into the data of each event. How
// the stream was cut into pieces on its way makes no difference.
//
// Fields other than `data` (event, id, retry) and comments are skipped; an event that the stream
// ends in the middle of is not reported.
//
// Threads:   one caller at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace millrace::worker {

class SseParser {
 public:
    // What to do with an event's data; false ends the feeding.
    using OnData = std::function<bool(std::string_view data)>;

    // `event_bytes_max` bounds what is held: an event's data, and a line of it.
    explicit SseParser(std::size_t event_bytes_max) : event_bytes_max_(event_bytes_max) {}

    // False when an event was too large or on_data returned false; feed no more then.
    bool feed(std::string_view bytes, const OnData& on_data);

 private:
    bool end_line(const OnData& on_data);

    const std::size_t event_bytes_max_;
    std::string line_;
    std::string data_;
    bool has_data_ = false;
    bool after_cr_ = false;  // A line feed that comes next belongs to the line that has ended.
    bool first_line_ = true;
};

}  // namespace millrace::worker

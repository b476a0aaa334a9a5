// A job's events as they come: its text to one side, what happens to the other.
//
// A connection that breaks is opened again and begins anew with all that was generated: what has
// been shown is not shown twice. Where text was missed, the output of the last event is complete.
//
// Threads: one caller at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "producer/cli/api_client.h"

namespace millrace::cli {

// Where it goes; each returns nothing and may be called at any time.
struct FollowSinks {
    std::function<void(std::string_view)> text;
    std::function<void(std::string_view)> event;  // A line, without its end.
    bool text_and_events_meet = false;            // On one terminal: no event in a line of text.
};

class Follower {
 public:
    explicit Follower(FollowSinks sinks) : sinks_(std::move(sinks)) {}

    // Before the events of a new connection.
    void begin_stream();
    // False when the job is final.
    bool take(const http::ServerEvent& event);

    // Empty while it is not final.
    const std::string& final_status() const { return final_; }
    // Whether the last event came without the job, which conclude() then needs.
    bool lacks_job() const { return lacks_job_; }
    // Prints what is missing of the output, and how it ended.
    void conclude(const Answer& job);

 private:
    void start_attempt(const Json& event);
    void take_delta(std::string_view delta);
    void take_progress(const Json& event);
    void complete_text(std::string_view whole);
    void show_text(std::string_view text);
    void show_event(const std::string& line);

    FollowSinks sinks_;
    std::string shown_;       // Text of this attempt that was printed.
    std::size_t at_ = 0;      // How much of it this connection has sent again.
    bool has_gap_ = false;    // This connection's text is another than what was shown.
    bool is_void_ = false;    // The attempt of shown_ has ended without an outcome.
    bool in_line_ = false;    // The text that was printed last does not end its line.
    std::int64_t epoch_ = 0;  // Of the attempt that was announced; 0: none.
    std::string last_event_;  // The line that was printed last.
    bool is_queued_said_ = false;
    std::string held_progress_;
    std::string final_;
    bool lacks_job_ = false;
};

}  // namespace millrace::cli

// Follows a job's events: its text goes to one sink, everything that happens to another.
//
// A broken connection is opened again, and the new one repeats all text that was generated so far.
// What has been shown is not shown twice. If text was missed, the output in the last event is
// complete.
//
// Threads: one caller at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "producer/cli/api_client.h"

namespace millrace::cli {

// Where the output goes. The functions may be called at any time.
struct FollowSinks {
    std::function<void(std::string_view)> text;
    std::function<void(std::string_view)> event;  // One line, without its end.
    bool text_and_events_meet = false;  // On one terminal: no event may interrupt a line of text.
    // In a file or a pipe, text cannot be declared void afterwards: it is held back until the job
    // has ended. Then only the text of the last attempt is passed on.
    bool holds_text = false;
};

class Follower {
 public:
    explicit Follower(FollowSinks sinks) : sinks_(std::move(sinks)) {}

    // Call it before the events of a new connection.
    void begin_stream();
    // Returns false once the job is final.
    bool take(const http::ServerEvent& event);

    // Empty until the job is final.
    const std::string& final_status() const { return final_; }
    // Whether the last event came without the job, which conclude() then needs.
    bool lacks_job() const { return lacks_job_; }
    // Prints the missing part of the output, and how the job ended.
    void conclude(const Answer& job);

 private:
    void start_attempt(const Json& event);
    void take_delta(std::string_view delta);
    void take_progress(const Json& event);
    void complete_text(std::string_view whole);
    void show_text(std::string_view text);
    void show_event(const std::string& line);
    // Whether an earlier attempt's text is visible.
    bool has_text_above() const { return !shown_.empty() && !sinks_.holds_text; }

    FollowSinks sinks_;
    std::string shown_;       // This attempt's text, printed or held back.
    std::size_t at_ = 0;      // How much of it this connection has repeated.
    bool has_gap_ = false;    // This connection's text differs from what was shown.
    bool is_void_ = false;    // The attempt of shown_ ended without an outcome.
    bool in_line_ = false;    // The last printed text did not end its line.
    std::int64_t epoch_ = 0;  // The announced attempt's; 0: none.
    std::string last_event_;  // The last printed line.
    bool is_queued_said_ = false;
    std::string held_progress_;
    std::string final_;
    bool lacks_job_ = false;
};

}  // namespace millrace::cli

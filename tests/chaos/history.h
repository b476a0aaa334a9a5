// The events of a run, as seen from outside the system: what clients intended, sent and received,
// what exists at the end, and the faults. A file of JSON lines, one event per line; the checker
// knows nothing else.
//
// Threads: HistoryWriter is thread-safe; the rest are plain values.
// Errors:  a file that cannot be read or written throws std::runtime_error.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::chaos {

using Moment = std::chrono::microseconds;  // Since the run began, on the monotonic clock.

// For an exchange: when it was sent, and when its answer (or the lack of one) was known. For a
// fault: when it began, and when it had been healed.
struct Span {
    Moment from{0};
    Moment to{0};
};

inline bool is_success(int http) {
    return http / 100 == 2;
}

// The statuses that a good request may get while something is broken. 0: no answer; 429, 503: not
// now; 504: the outcome is unknown.
inline bool is_passing(int http) {
    return http == 0 || http == 429 || http == 503 || http == 504;
}

// What a job is meant to do.
struct Planned {
    int job = 0;           // Its number in the run, which its metadata contain.
    bool keyed = false;    // Sent with an Idempotency-Key.
    bool cancels = false;  // A client requests its cancel, sooner or later.
    bool retried = false;  // Retried by hand if it ends badly.
    std::string end;       // "completed" or "failed".
    int failures = 0;      // The failures that it has by then, if nothing else happens.
    std::string text;      // The text of its output, if it completes.
};

// A submission and its answer.
struct Submitted {
    int job = 0;
    Span span;
    int http = 0;    // 0: no answer.
    std::string id;  // From a 2xx, or from a 504 that names the job that may exist.
};

// A job as an answer describes it.
struct View {
    std::string status;
    int attempt = 0;
    int failures = 0;
    int interruptions = 0;
    std::string error;                // Its error's code, empty for none.
    std::optional<std::string> text;  // The text of the output.
    std::string output_of;            // The id that the output names.
    std::string retry_of;             // An id, empty for none. So is the next.
    std::string retried_by;

    bool is_final() const;
};

// Any other exchange about one job: a read, a wait, a cancel.
struct Seen {
    int job = 0;
    std::string id;
    std::string how;
    Span span;
    int http = 0;
    View view;  // Of a 2xx.
};

// A retry by hand and its answer; for a filter, one for each job that it matched.
struct Retried {
    std::string id;  // The id of the job that ended badly; empty if the answer names none.
    std::string how;
    Span span;
    int http = 0;
    std::string retry;  // From a 2xx: the id of the new job.
};

// A job in the list of all jobs at the end.
struct Listed {
    int job = -1;  // From its metadata.
    std::string id;
    View view;
    int lost = 0;         // Attempts that ended with their worker,
    int interrupted = 0;  // … or were handed back.
};

struct FaultSpan {
    std::string name;
    Span span;
};

struct History {
    std::vector<Planned> planned;
    std::vector<Submitted> submitted;
    std::vector<Seen> seen;
    std::vector<Retried> retried;
    std::vector<Listed> listed;
    std::vector<FaultSpan> faults;
};

class HistoryWriter {
 public:
    // The run begins now.
    explicit HistoryWriter(const std::filesystem::path& file);

    Moment now() const;

    void write(const Planned& event);
    void write(const Submitted& event);
    void write(const Seen& event);
    void write(const Retried& event);
    void write(const Listed& event);
    void write(const FaultSpan& event);
    void flush();

 private:
    void write_line(const std::string& line);

    const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::mutex mutex_;
    std::ofstream file_;  // Guarded by mutex_.
};

History read_history(const std::filesystem::path& file);

}  // namespace millrace::chaos

// What Ctrl-C does while a command runs: it ends at once, and says what goes on without it.
//
// A submission under way is not torn: its answer has the id. There the first signal only asks, and
// the second ends.
//
// Threads: one object at a time, on the main thread.
#pragma once

#include <cstddef>
#include <string>

namespace millrace::cli {

// That the job, or the jobs, run on, and how to come back.
std::string interrupt_text(const std::string& id, std::size_t jobs);

// While it lives, SIGINT, SIGTERM and SIGHUP print the note to standard error and end the program
// with 128 and the signal's number.
class InterruptNote {
 public:
    explicit InterruptNote(std::string note);
    ~InterruptNote();
    InterruptNote(const InterruptNote&) = delete;
    InterruptNote& operator=(const InterruptNote&) = delete;

 private:
    std::string note_;
};

// While it lives, the first of these signals only prints the note and is remembered.
class InterruptHold {
 public:
    explicit InterruptHold(std::string note);
    ~InterruptHold();
    InterruptHold(const InterruptHold&) = delete;
    InterruptHold& operator=(const InterruptHold&) = delete;

    // The signal that arrived; 0: none.
    static int signal();

 private:
    std::string note_;
};

}  // namespace millrace::cli

// Handles Ctrl-C during a command: the command ends at once and says what continues without it.
//
// A submission under way is not cut off, because its answer has the id. In that case the first
// signal is only a request, and the second ends the program.
//
// Threads: one object at a time, on the main thread.
#pragma once

#include <cstddef>
#include <string>

namespace millrace::cli {

// Says that the job or jobs continue, and how to return to them.
std::string interrupt_text(const std::string& id, std::size_t jobs);

// While it exists, SIGINT, SIGTERM and SIGHUP print the note to standard error and end the program
// with 128 plus the signal's number.
class InterruptNote {
 public:
    explicit InterruptNote(std::string note);
    ~InterruptNote();
    InterruptNote(const InterruptNote&) = delete;
    InterruptNote& operator=(const InterruptNote&) = delete;

 private:
    std::string note_;
};

// While it exists, the first of these signals only prints the note and is remembered.
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

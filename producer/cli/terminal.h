// What people see: results on standard output, everything else on standard error; tables, a
// progress bar, colours where a terminal shows them, durations.
//
// Threads: one caller at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "producer/cli/utf8.h"

namespace millrace::cli {

// Whether standard output is a terminal.
bool is_terminal();
// Whether standard output is a terminal that takes colours (and NO_COLOR is not set).
bool takes_colours();
// Whether standard error is a terminal.
bool is_terminal_error();
// Of the terminal that is standard output or error; 80 where there is none.
std::size_t terminal_width();

// Writes to standard output at once. False where that takes no more (a full disk, a closed
// descriptor): the reason has been said then. A reader that went away ends the program, silently,
// unless keep_after_broken_pipe() was called.
bool print_out(std::string_view text);
void keep_after_broken_pipe();
// A line on standard error: "millrace: …".
void note(std::string_view line);

// An event on standard error, its name coloured where that is a terminal.
void print_event(std::string_view name, std::string_view rest);

// Whether somebody sits at both ends, and can be asked.
bool can_ask();
// Prints the question to standard error; true for an answer that begins with y.
bool ask(std::string_view question);

enum class Colour { kPlain, kDim, kGreen, kYellow, kRed, kCyan };
// The text as it is where output is no terminal.
std::string coloured(Colour colour, std::string_view text);
Colour status_colour(std::string_view status);

// Replaces control characters, so that what a job holds cannot drive a terminal.
std::string printable(std::string_view text);
// As printable() where standard output is a terminal; byte for byte where it is a file or a pipe.
std::string for_output(std::string_view text);

struct Column {
    std::string heading;
    int rank = 0;             // The highest is left out first where there is no room; 0 stays.
    std::size_t shrinks = 0;  // To this many columns before anything is left out; 0: never.
};

// Rows under a heading. On a terminal it fits the width; in a pipe everything is whole.
class Table {
 public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    // What was added since the last call, below the heading where that has not been printed. False
    // as print_out().
    bool print();
    // As print() on a terminal of this width; 0: as wide as it takes. Without colours.
    std::vector<std::string> lines(std::size_t width) const;

 private:
    struct Shown {
        std::size_t index;
        std::size_t width;
    };
    std::vector<Shown> layout(std::size_t width) const;

    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
    std::vector<Shown> layout_;  // Of the first page; the next ones keep it.
};

// "850 ms", "4.2 s", "3 m 20 s", "2 h 5 m"
std::string duration_text(std::int64_t ms);
// "2026-11-21 10:00:00 +0100", local time; "-" for 0.
std::string time_text(std::int64_t unix_seconds);

// One line on standard error that is drawn over itself and fits the terminal; silent where that is
// no terminal.
class ProgressBar {
 public:
    ProgressBar(std::string label, std::size_t total);
    ~ProgressBar();
    void advance(std::size_t by);
    // Ends the line, so that a message can follow. The next advance() draws it anew.
    void interrupt();

 private:
    void draw();

    std::string label_;
    std::size_t total_;
    std::size_t done_ = 0;
    bool shown_;
    bool drawn_ = false;
};
// What the bar shows in a line of `width` columns.
std::string progress_line(std::string_view label, std::size_t done, std::size_t total,
                          std::size_t width);

}  // namespace millrace::cli

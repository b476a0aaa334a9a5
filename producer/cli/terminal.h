// Output for people: results on standard output, everything else on standard error. Has tables, a
// progress bar, durations, and colours where a terminal shows them.
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
// Whether standard output is a terminal that shows colours (and NO_COLOR is not set).
bool takes_colours();
// Whether standard error is a terminal.
bool is_terminal_error();
// The width of the terminal at standard output or error; 80 if neither is one.
std::size_t terminal_width();

// Writes to standard output at once. Returns false if that fails (a full disk, a closed
// descriptor), after reporting the reason. If the reader went away, the program ends silently,
// unless keep_after_broken_pipe() was called.
bool print_out(std::string_view text);
void keep_after_broken_pipe();
// Prints a line on standard error: "millrace: …".
void note(std::string_view line);

// Prints an event on standard error; its name is coloured if that is a terminal.
void print_event(std::string_view name, std::string_view rest);

// Whether a person is at both ends and can be asked.
bool can_ask();
// Prints the question to standard error. Returns true for an answer that begins with y.
bool ask(std::string_view question);

enum class Colour { kPlain, kDim, kGreen, kYellow, kRed, kCyan };
// Returns the plain text if standard output shows no colours.
std::string coloured(Colour colour, std::string_view text);
Colour status_colour(std::string_view status);

// Replaces control characters, so that a job's text cannot control a terminal.
std::string printable(std::string_view text);
// Applies printable() if standard output is a terminal; keeps every byte for a file or a pipe.
std::string for_output(std::string_view text);

struct Column {
    std::string heading;
    int rank = 0;             // The highest is left out first if space is short; 0 stays.
    std::size_t shrinks = 0;  // To this width before any is left out; 0: never.
};

// Rows under a heading. On a terminal the table fits the width; in a pipe everything is shown in
// full.
class Table {
 public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    // Prints the rows added since the last call, below the heading if that has not been printed
    // yet. Returns false as print_out() does.
    bool print();
    // What print() shows on a terminal of this width (0: unlimited), without colours.
    std::vector<std::string> lines(std::size_t width) const;

 private:
    struct Shown {
        std::size_t index;
        std::size_t width;
    };
    std::vector<Shown> layout(std::size_t width) const;

    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
    std::vector<Shown> layout_;  // The first page's; later ones keep it.
};

// "850 ms", "4.2 s", "3 m 20 s", "2 h 5 m"
std::string duration_text(std::int64_t ms);
// "2026-11-21 10:00:00 +0100", local time; "-" for 0.
std::string time_text(std::int64_t unix_seconds);

// One line on standard error that is redrawn in place and fits the terminal. Prints nothing if that
// is not a terminal.
class ProgressBar {
 public:
    ProgressBar(std::string label, std::size_t total);
    ~ProgressBar();
    void advance(std::size_t by);
    // Ends the line so that a message can follow. The next advance() draws it again.
    void interrupt();

 private:
    void draw();

    std::string label_;
    std::size_t total_;
    std::size_t done_ = 0;
    bool shown_;
    bool drawn_ = false;
};
// The bar's text in a line of `width` columns.
std::string progress_line(std::string_view label, std::size_t done, std::size_t total,
                          std::size_t width);

}  // namespace millrace::cli

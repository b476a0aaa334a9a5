// What people see: tables, a progress bar, colours where a terminal shows them, durations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

// Whether standard output is a terminal that takes colours (and NO_COLOR is not set).
bool is_terminal();

// Whether somebody sits at both ends, and can be asked.
bool can_ask();
// Prints the question to standard error; true for an answer that begins with y.
bool ask(std::string_view question);

enum class Colour { kPlain, kDim, kGreen, kYellow, kRed, kCyan };
// The text as it is where output is no terminal.
std::string coloured(Colour colour, std::string_view text);
Colour status_colour(std::string_view status);

// Replaces control characters, so that what a job holds cannot drive the terminal.
std::string printable(std::string_view text);

// Columns aligned to their widest cell; the first row is the heading.
class Table {
 public:
    explicit Table(std::vector<std::string> heading) { rows_.push_back(std::move(heading)); }
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    void print() const;

 private:
    std::vector<std::vector<std::string>> rows_;
};

// "850 ms", "4.2 s", "3 m 20 s", "2 h 5 m"
std::string duration_text(std::int64_t ms);
// "2026-11-21 10:00:00", local time; "-" for 0.
std::string time_text(std::int64_t unix_seconds);

// One line on standard error that is drawn over itself; silent where that is no terminal.
class ProgressBar {
 public:
    ProgressBar(std::string label, std::size_t total);
    ~ProgressBar();
    void advance(std::size_t by);

 private:
    void draw() const;

    std::string label_;
    std::size_t total_;
    std::size_t done_ = 0;
    bool shown_;
};

}  // namespace millrace::cli

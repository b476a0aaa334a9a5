// The output of `millrace up`: permanent lines and, on a terminal, one live line below them that is
// redrawn in place. Elsewhere that line is printed again from time to time if it has changed.
//
// Only carriage returns and blanks move the cursor, and the line never fills the last column. So it
// stays one line however narrow the terminal is.
//
// Threads: one caller at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace millrace::cli::up {

struct Screen {
    bool is_live = false;  // The terminal can redraw a line.
    std::function<int()> columns;
    // Errors are ignored: the stack must not stop because nobody reads.
    std::function<void(std::string_view)> write;
};

// The process's standard output.
Screen standard_screen();

class LiveStatus {
 public:
    LiveStatus(const Clock& clock, Screen screen) : clock_(clock), screen_(std::move(screen)) {}

    // Prints permanent lines above the live one.
    void say(const std::string& lines);
    // Calls `line` and shows its text: at most once a second on a terminal, and once in ten seconds
    // elsewhere. Otherwise returns at once.
    void refresh(const std::function<std::string()>& line);
    // Removes the live line.
    void finish();

 private:
    void draw();
    void erase();

    const Clock& clock_;
    Screen screen_;
    MonoTime next_;
    std::string line_;       // What the line should show.
    std::size_t drawn_ = 0;  // How many of its columns are on the screen.
};

// Shortens the text to at most `columns` columns: whole characters, "..." in place of what is left
// out, and blanks in place of anything that would move the cursor.
std::string fit(std::string_view text, std::size_t columns);

}  // namespace millrace::cli::up

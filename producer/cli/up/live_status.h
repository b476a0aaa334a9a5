// What `millrace up` prints: lines that stay, and below them, on a terminal, one line that is drawn
// over itself. Elsewhere that line is printed again when it has changed, now and then.
//
// Nothing but carriage returns and blanks moves the cursor, and the line never fills the last
// column, so that it stays one line however narrow the terminal is.
//
// Threads: one caller at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace millrace::cli {

struct Screen {
    bool is_live = false;  // A line can be drawn over itself.
    std::function<int()> columns;
    // Errors are not told: that nobody reads is no reason to stop what runs.
    std::function<void(std::string_view)> write;
};

// Standard output as it is.
Screen standard_screen();

class LiveStatus {
 public:
    LiveStatus(const Clock& clock, Screen screen) : clock_(clock), screen_(std::move(screen)) {}

    // Prints lines that stay, above the live one.
    void say(const std::string& lines);
    // Asks for the live line and shows it, at most once a second on a terminal, once in ten
    // elsewhere; else returns at once.
    void refresh(const std::function<std::string()>& line);
    // Takes the live line away.
    void finish();

 private:
    void draw();
    void erase();

    const Clock& clock_;
    Screen screen_;
    MonoTime next_;
    std::string line_;       // What the line should be.
    std::size_t drawn_ = 0;  // Columns of it that are on the screen.
};

// At most so many columns of the text: whole characters, "..." where some are left out, and blanks
// for what would move the cursor.
std::string fit(std::string_view text, std::size_t columns);

}  // namespace millrace::cli

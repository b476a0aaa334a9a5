#include "producer/cli/up/live_status.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "producer/cli/terminal.h"

namespace millrace::cli::up {
namespace {

constexpr int kColumnsDefault = 80;

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::size_t width(std::string_view text) {
    return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, is_continuation));
}

int terminal_columns() {
    winsize size{};
    const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : kColumnsDefault;
}

}  // namespace

Screen standard_screen() {
    const char* kind = std::getenv("TERM");
    const bool can_return = kind != nullptr && std::string_view(kind) != "dumb";
    return {.is_live = isatty(STDOUT_FILENO) == 1 && can_return,
            .columns = terminal_columns,
            .write = [](std::string_view text) {
                std::fwrite(text.data(), 1, text.size(), stdout);
                std::fflush(stdout);
            }};
}

std::string fit(std::string_view text, std::size_t columns) {
    constexpr std::string_view kMore = "...";
    std::string fitting(text);
    std::ranges::replace_if(
        fitting,
        [](char c) { return static_cast<unsigned char>(c) < 0x20 || static_cast<int>(c) == 0x7f; },
        ' ');
    if (width(fitting) <= columns) return fitting;
    const auto kept = columns - std::min(columns, kMore.size());
    std::size_t end = 0;
    for (std::size_t seen = 0; end < fitting.size(); ++end) {
        if (!is_continuation(fitting[end]) && seen++ == kept) break;
    }
    fitting.resize(end);
    return fitting.append(kMore.substr(0, std::min(columns, kMore.size())));
}

void LiveStatus::say(const std::string& lines) {
    erase();
    screen_.write(printable(lines) + "\n");
    if (screen_.is_live) draw();
}

void LiveStatus::refresh(const std::function<std::string()>& line) {
    if (clock_.now() < next_) return;
    auto now = line();
    next_ = clock_.now() + std::chrono::seconds(screen_.is_live ? 1 : 10);
    const bool is_new = now != line_;
    line_ = std::move(now);
    if (screen_.is_live) {
        erase();
        draw();
    } else if (is_new && !line_.empty()) {
        screen_.write(line_ + "\n");
    }
}

void LiveStatus::finish() {
    erase();
    line_.clear();
}

void LiveStatus::draw() {
    const auto columns = static_cast<std::size_t>(std::max(screen_.columns(), 2));
    const auto text = fit(line_, columns - 1);
    drawn_ = width(text);
    screen_.write(text);
}

void LiveStatus::erase() {
    if (drawn_ == 0) return;
    const auto columns = static_cast<std::size_t>(std::max(screen_.columns(), 2));
    screen_.write("\r" + std::string(std::min(drawn_, columns - 1), ' ') + "\r");
    drawn_ = 0;
}

}  // namespace millrace::cli::up

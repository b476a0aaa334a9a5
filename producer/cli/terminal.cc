#include "producer/cli/terminal.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>

namespace millrace::cli {
namespace {

bool keeps_after_broken_pipe = false;
bool output_is_broken = false;

// Ends like a program killed by SIGPIPE, as shells expect of `… | head`.
[[noreturn]] void end_silently() {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
    std::_Exit(128 + SIGPIPE);
}

}  // namespace

bool is_terminal() {
    static const bool answer = isatty(STDOUT_FILENO) == 1;
    return answer;
}

bool takes_colours() {
    static const bool answer = [] {
        const char* no_colour = std::getenv("NO_COLOR");
        const char* terminal = std::getenv("TERM");
        return is_terminal() && (no_colour == nullptr || *no_colour == '\0') &&
               (terminal == nullptr || std::strcmp(terminal, "dumb") != 0);
    }();
    return answer;
}

bool is_terminal_error() {
    return isatty(STDERR_FILENO) == 1;
}

std::size_t terminal_width() {
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
        winsize size{};
        if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    }
    return 80;
}

bool print_out(std::string_view text) {
    while (!text.empty() && !output_is_broken) {
        const auto written = write(STDOUT_FILENO, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
            continue;
        }
        if (errno == EINTR) continue;
        if (errno == EPIPE && !keeps_after_broken_pipe) end_silently();
        output_is_broken = true;
        note(fmt::format("cannot write to standard output: {}", std::strerror(errno)));
    }
    return !output_is_broken;
}

void keep_after_broken_pipe() {
    keeps_after_broken_pipe = true;
}

void note(std::string_view line) {
    const auto whole = fmt::format("millrace: {}\n", printable(line));
    std::fwrite(whole.data(), 1, whole.size(), stderr);
}

void print_event(std::string_view name, std::string_view rest) {
    const bool plain = !is_terminal_error() || !takes_colours();
    const auto line =
        fmt::format("{}{}\n", plain ? std::string(name) : coloured(status_colour(name), name),
                    is_terminal_error() ? printable(rest) : std::string(rest));
    std::fwrite(line.data(), 1, line.size(), stderr);
}

bool can_ask() {
    return isatty(STDIN_FILENO) == 1 && is_terminal_error();
}

bool ask(std::string_view question) {
    const auto line = fmt::format("{} [y/N] ", question);
    std::fwrite(line.data(), 1, line.size(), stderr);
    std::string answer;
    std::getline(std::cin, answer);
    return answer.starts_with('y') || answer.starts_with('Y');
}

std::string coloured(Colour colour, std::string_view text) {
    if (!takes_colours() || colour == Colour::kPlain) return std::string(text);
    constexpr std::array<int, 6> kCodes{0, 2, 32, 33, 31, 36};
    return fmt::format("\x1b[{}m{}\x1b[0m", kCodes.at(static_cast<std::size_t>(colour)), text);
}

Colour status_colour(std::string_view status) {
    if (status == "completed" || status == "alive") return Colour::kGreen;
    if (status == "failed" || status == "expired" || status == "lost") return Colour::kRed;
    if (status == "in_progress") return Colour::kCyan;
    if (status == "cancelled" || status == "cancelling" || status == "draining") {
        return Colour::kYellow;
    }
    return Colour::kPlain;
}

std::string printable(std::string_view text) {
    std::string clean;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (text.substr(i).starts_with("\r\n")) continue;
        const bool control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;
        // U+0080 to U+009F control a terminal too.
        const bool control_of_two =
            byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        clean += control || control_of_two ? '?' : text[i];
        if (control_of_two) ++i;
    }
    return clean;
}

std::string for_output(std::string_view text) {
    return is_terminal() ? printable(text) : std::string(text);
}

std::string duration_text(std::int64_t ms) {
    if (ms < 1000) return fmt::format("{} ms", ms);
    if (ms < 60'000) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000);
    const auto seconds = ms / 1000;
    if (seconds < 3600) return fmt::format("{} m {} s", seconds / 60, seconds % 60);
    return fmt::format("{} h {} m", seconds / 3600, seconds % 3600 / 60);
}

std::string time_text(std::int64_t unix_seconds) {
    if (unix_seconds == 0) return "-";
    const auto time = std::time_t{unix_seconds};
    std::tm local{};
    if (localtime_r(&time, &local) == nullptr) return std::to_string(unix_seconds);
    return fmt::format("{:%Y-%m-%d %H:%M:%S %z}", local);
}

ProgressBar::ProgressBar(std::string label, std::size_t total)
    : label_(std::move(label)), total_(total), shown_(is_terminal_error()) {
    draw();
}

ProgressBar::~ProgressBar() {
    interrupt();
}

void ProgressBar::advance(std::size_t by) {
    done_ += by;
    draw();
}

void ProgressBar::interrupt() {
    if (drawn_) std::fputc('\n', stderr);
    drawn_ = false;
}

void ProgressBar::draw() {
    if (!shown_ || total_ == 0) return;
    const auto line = "\r" + progress_line(label_, done_, total_, terminal_width() - 1);
    std::fwrite(line.data(), 1, line.size(), stderr);
    std::fflush(stderr);
    drawn_ = true;
}

std::string progress_line(std::string_view label, std::size_t done, std::size_t total,
                          std::size_t width) {
    constexpr std::size_t kBarMax = 40;
    const auto count = fmt::format("{}/{}", done, total);
    const auto rest = columns(label) + columns(count) + 4;
    if (rest + 4 > width) return shortened(count, width);
    const auto bar = std::min(kBarMax, width - rest);
    const auto filled = std::min(bar, done * bar / total);
    return fmt::format("{} [{}{}] {}", label, std::string(filled, '#'),
                       std::string(bar - filled, ' '), count);
}

}  // namespace millrace::cli

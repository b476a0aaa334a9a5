#include "producer/cli/terminal.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace millrace::cli {
namespace {

// Characters, not bytes: continuation bytes of UTF-8 take no column.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

bool is_terminal() {
    static const bool answer = isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
    return answer;
}

bool can_ask() {
    return isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

bool ask(std::string_view question) {
    fmt::print(stderr, "{} [y/N] ", question);
    std::string answer;
    std::getline(std::cin, answer);
    return answer.starts_with('y') || answer.starts_with('Y');
}

std::string coloured(Colour colour, std::string_view text) {
    if (!is_terminal() || colour == Colour::kPlain) return std::string(text);
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
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool control = (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f;
        clean += control ? '?' : c;
    }
    return clean;
}

void Table::print() const {
    std::vector<std::size_t> widths(rows_.front().size(), 0);
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    }
    for (std::size_t r = 0; r < rows_.size(); ++r) {
        std::string line;
        for (std::size_t i = 0; i < rows_[r].size(); ++i) {
            const auto& cell = rows_[r][i];
            const Colour colour = r == 0 ? Colour::kDim : status_colour(cell);
            line += coloured(colour, cell);
            if (i + 1 < rows_[r].size()) line += std::string(widths[i] - width(cell) + 2, ' ');
        }
        fmt::print("{}\n", line);
    }
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
    return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(std::time_t{unix_seconds}));
}

ProgressBar::ProgressBar(std::string label, std::size_t total)
    : label_(std::move(label)), total_(total), shown_(isatty(STDERR_FILENO) == 1) {
    draw();
}

ProgressBar::~ProgressBar() {
    if (shown_) std::fputc('\n', stderr);
}

void ProgressBar::advance(std::size_t by) {
    done_ += by;
    draw();
}

void ProgressBar::draw() const {
    if (!shown_ || total_ == 0) return;
    constexpr std::size_t kWidth = 40;
    const auto filled = std::min(kWidth, done_ * kWidth / total_);
    fmt::print(stderr, "\r{} [{}{}] {}/{}", label_, std::string(filled, '#'),
               std::string(kWidth - filled, ' '), done_, total_);
    std::fflush(stderr);
}

}  // namespace millrace::cli

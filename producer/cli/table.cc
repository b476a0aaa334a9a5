#include <algorithm>
#include <numeric>

#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

// The space between two columns. On a narrow terminal an id takes most of the line, so each column
// counts.
std::size_t gap_of(std::size_t width) {
    constexpr std::size_t kNarrow = 60;
    return width > 0 && width < kNarrow ? 1 : 2;
}

}  // namespace

// Leaves out columns, the highest rank first, until the rest fits with every shrinkable column at
// its minimum; then shrinks no more than necessary.
std::vector<Table::Shown> Table::layout(std::size_t width) const {
    std::vector<Shown> shown;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t widest = columns(columns_[i].heading);
        for (const auto& row : rows_) widest = std::max(widest, columns(row[i]));
        shown.push_back({i, widest});
    }
    if (width == 0) return shown;
    const auto least = [&](const Shown& column) {
        const auto shrinks = columns_[column.index].shrinks;
        return shrinks == 0 ? column.width : std::min(shrinks, column.width);
    };
    const auto total = [&](const auto& of) {
        std::size_t sum = (shown.size() - 1) * gap_of(width);
        for (const auto& column : shown) sum += of(column);
        return sum;
    };
    while (total(least) > width) {
        const auto last = std::ranges::max_element(
            shown, {}, [&](const Shown& column) { return columns_[column.index].rank; });
        if (columns_[last->index].rank == 0) break;
        shown.erase(last);
    }
    const auto whole = [](const Shown& column) { return column.width; };
    for (auto& column : shown) {
        const auto sum = total(whole);
        if (sum <= width) break;
        column.width -= std::min(sum - width, column.width - least(column));
    }
    // Even the permanent columns do not fit: the last one takes what is left.
    const auto sum = total(whole);
    if (sum > width) {
        auto& last = shown.back();
        last.width = last.width > sum - width ? last.width - (sum - width) : 1;
    }
    return shown;
}

std::vector<std::string> Table::lines(std::size_t width) const {
    std::vector<std::string> text;
    std::vector<std::string> headings;
    for (const auto& column : columns_) headings.push_back(column.heading);
    const auto shown = layout(width);
    const auto add = [&](const std::vector<std::string>& row) {
        std::string line;
        for (const auto& column : shown) {
            const auto cell = shortened(row[column.index], column.width);
            line += cell + std::string(column.width - columns(cell) + gap_of(width), ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text.push_back(std::move(line));
    };
    add(headings);
    for (const auto& row : rows_) add(row);
    return text;
}

bool Table::print() {
    std::string text;
    const bool is_first = layout_.empty();
    const auto width = is_terminal() ? terminal_width() : 0;
    if (is_first) layout_ = layout(width);
    const auto add = [&](const std::vector<std::string>& row, bool is_heading) {
        std::string padding;
        for (const auto& column : layout_) {
            const auto& whole = row[column.index];
            const auto cell = is_terminal() ? shortened(whole, column.width) : whole;
            const auto size = columns(cell);
            if (!cell.empty()) {
                text += padding + coloured(is_heading ? Colour::kDim : status_colour(whole), cell);
                padding.clear();
            }
            padding += std::string(std::max(column.width, size) - size + gap_of(width), ' ');
        }
        text += '\n';
    };
    if (is_first) {
        std::vector<std::string> headings;
        for (const auto& column : columns_) headings.push_back(column.heading);
        add(headings, true);
    }
    for (const auto& row : rows_) add(row, false);
    rows_.clear();
    return print_out(text);
}

}  // namespace millrace::cli

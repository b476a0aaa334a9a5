// The kinds of arguments of parser.h, each with its checks.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/Option.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

#include "common/base/nearest.h"
#include "common/base/text.h"
#include "common/config/value.h"
#include "producer/cli/marks.h"
#include "producer/cli/parser.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

std::string display_name(const std::string& names) {
    return names.substr(0, names.find(','));
}

[[noreturn]] void refuse(const std::string& names, const std::string& reason) {
    throw CLI::ValidationError(display_name(names), reason);
}

void require_text(const std::string& names, const std::string& value) {
    if (value.empty()) refuse(names, "the value is empty");
    if (!is_utf8(value)) refuse(names, "the value is not UTF-8 text");
}

std::string one_line_of(std::string text) {
    std::ranges::replace(text, '\n', ' ');
    return text;
}

// The only place that parses ids.
std::string id_of(const std::string& name, const std::string& value) {
    const auto id = trimmed(without_byte_order_mark(value));
    require_text(name, std::string(id));
    const auto is_of_ids = [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
    };
    // A word of dots alone would change the path.
    if (std::ranges::all_of(id, is_of_ids) && id.find_first_not_of('.') != std::string_view::npos) {
        return std::string(id);
    }
    refuse(name, fmt::format("'{}' is not an id: ids have only letters, digits, dots, _ and -, and "
                             "each is a separate word",
                             one_line_of(printable(id))));
}

std::string one_of(const std::string& names, const std::string& value,
                   const std::vector<std::string>& choices) {
    if (std::ranges::find(choices, value) != choices.end()) return value;
    const std::vector<std::string_view> known(choices.begin(), choices.end());
    const auto nearest = nearest_name(value, known);
    refuse(names, fmt::format("'{}' is not one of {}{}", printable(value), fmt::join(choices, ", "),
                              nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
}

}  // namespace

CLI::Option* Arguments::add(const std::string& names, const std::string& help, const Take& take) {
    const CLI::callback_t callback = [take](const CLI::results_t& results) {
        for (const auto& result : results) take(unmarked(result));
        return true;
    };
    auto* option = command_.add_option(names, callback, help)->type_name("TEXT");
    program_.hints[option] = {};
    return option;
}

CLI::Option* Arguments::text(const std::string& names, std::string& into, const std::string& help) {
    return add(names, help, [names, &into](const std::string& value) {
        require_text(names, value);
        into = value;
    });
}

CLI::Option* Arguments::path(const std::string& names, std::string& into, const std::string& help) {
    auto* option = add(names, help, [names, &into](const std::string& value) {
        if (value.empty()) refuse(names, "the value is empty");
        into = value;
    });
    program_.hints[option] = {.kind = ValueHint::Kind::kFile};
    return option->type_name("FILE");
}

CLI::Option* Arguments::directory(const std::string& names, std::string& into,
                                  const std::string& help) {
    auto* option = path(names, into, help);
    program_.hints[option] = {.kind = ValueHint::Kind::kDirectory};
    return option->type_name("DIR");
}

CLI::Option* Arguments::paths(const std::string& names, std::vector<std::string>& into,
                              const std::string& help) {
    auto* option = add(names, help, [names, &into](const std::string& value) {
        if (value.empty()) refuse(names, "the value is empty");
        into.push_back(value);
    });
    program_.hints[option] = {.kind = ValueHint::Kind::kFile};
    return option->take_all()->type_name("FILE");
}

CLI::Option* Arguments::texts(const std::string& names, std::vector<std::string>& into,
                              const std::string& help) {
    auto* option = add(names, help, [names, &into](const std::string& value) {
        require_text(names, value);
        into.push_back(value);
    });
    return option->take_all();
}

CLI::Option* Arguments::choice(const std::string& names, std::string& into, const std::string& help,
                               std::vector<std::string> choices) {
    auto* option = add(names, help, [names, &into, choices](const std::string& value) {
        into = one_of(names, value, choices);
    });
    program_.hints[option] = {.kind = ValueHint::Kind::kChoices, .choices = std::move(choices)};
    return option;
}

CLI::Option* Arguments::choices(const std::string& names, std::vector<std::string>& into,
                                const std::string& help, std::vector<std::string> choices) {
    auto* option = add(names, help, [names, &into, choices](const std::string& value) {
        for (std::size_t at = 0; at <= value.size();) {
            const auto end = std::min(value.find(',', at), value.size());
            into.push_back(one_of(names, value.substr(at, end - at), choices));
            at = end + 1;
        }
    });
    program_.hints[option] = {.kind = ValueHint::Kind::kChoices, .choices = std::move(choices)};
    return option->take_all();
}

CLI::Option* Arguments::pairs(const std::string& names, std::vector<std::string>& into,
                              const std::string& help) {
    auto* option = add(names, help, [names, &into](const std::string& value) {
        require_text(names, value);
        const auto equals = value.find('=');
        if (equals == std::string::npos || equals == 0) {
            refuse(names, fmt::format("'{}' is not key=value", printable(value)));
        }
        const auto key = value.substr(0, equals + 1);
        if (std::ranges::any_of(into, [&](const auto& pair) { return pair.starts_with(key); })) {
            refuse(names, fmt::format("'{}' is given twice", printable(value.substr(0, equals))));
        }
        into.push_back(value);
    });
    return option->take_all()->type_name("KEY=VALUE");
}

CLI::Option* Arguments::count(const std::string& names, std::optional<int>& into,
                              const std::string& help) {
    return number(names, into, 1, std::numeric_limits<int>::max(), help);
}

CLI::Option* Arguments::number(const std::string& names, std::optional<int>& into, int least,
                               int most, const std::string& help) {
    auto* option = add(names, help, [names, &into, least, most](const std::string& value) {
        int number = 0;
        const auto* end = value.data() + value.size();
        const auto result = std::from_chars(value.data(), end, number);
        if (result.ec != std::errc() || result.ptr != end || number < least || number > most) {
            refuse(names, fmt::format("'{}' is not a number from {} to {}", printable(value), least,
                                      most));
        }
        into = number;
    });
    return option->type_name("N");
}

CLI::Option* Arguments::duration(const std::string& names, std::string& into,
                                 const std::string& help) {
    auto* option = add(names, help, [names, &into](const std::string& value) {
        if (!parse_wait(value)) {
            refuse(names, fmt::format("'{}' is not a duration; write seconds (90) or a number and "
                                      "one of ms, s, m, h, d (10m)",
                                      printable(value)));
        }
        into = value.find_first_not_of("0123456789") == std::string::npos ? value + "s" : value;
    });
    return option->type_name("TIME");
}

CLI::Option* Arguments::flag(const std::string& names, bool& into, const std::string& help) {
    return command_.add_flag(names, into, help)->disable_flag_override();
}

CLI::Option* Arguments::words(const std::string& name, std::vector<std::string>& into,
                              const std::string& help) {
    auto* option = add(name, help, [name, &into](const std::string& value) {
        if (!is_utf8(value)) refuse(name, "it is not UTF-8 text");
        into.push_back(value);
    });
    option->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args()->take_all();
    return option->type_name("");
}

CLI::Option* Arguments::id(const std::string& name, std::string& into, const std::string& help) {
    return add(name, help, [name, &into](const std::string& value) { into = id_of(name, value); })
        ->required()
        ->type_name("");
}

CLI::Option* Arguments::ids(const std::string& name, std::vector<std::string>& into,
                            const std::string& help) {
    auto* option = add(name, help, [name, &into](const std::string& value) {
        into.push_back(id_of(name, value));
    });
    option->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args()->take_all();
    return option->type_name("");
}

std::optional<std::chrono::milliseconds> parse_wait(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789";
    const bool is_bare = !text.empty() && text.find_first_not_of(kDigits) == std::string_view::npos;
    const auto duration = config::parse_duration(is_bare ? fmt::format("{}s", text) : text);
    if (!duration.has_value()) return std::nullopt;
    return *duration;
}

}  // namespace millrace::cli

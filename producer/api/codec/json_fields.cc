#include "producer/api/codec/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "common/base/nearest.h"
#include "common/base/result.h"
#include "common/base/text.h"
#include "common/config/value.h"
#include "common/json/json_syntax.h"
#include "producer/api/codec/time_values.h"
#include "producer/server/header_values.h"

namespace millrace::api::codec {

using server::Problem;
using server::ProblemCode;

namespace {

Problem unknown_field(const std::string& parent, std::string_view name,
                      std::span<const std::string_view> known, std::span<const NameAdvice> advice) {
    std::string hint(advice_for(lower(name), advice));
    if (hint.empty()) {
        const auto nearest = nearest_name(name, known);
        hint = nearest.empty() ? fmt::format("The known ones are {}.", fmt::join(known, ", "))
                               : fmt::format("Did you mean `{}`?", nearest);
    }
    const auto field = join_path(parent, shown(name));
    return {ProblemCode::kUnknownField, fmt::format("`{}` is not a known field. {}", field, hint),
            field};
}

Decoded<milliseconds> decode_duration(const JsonView& value, const std::string& path) {
    if (value.kind() == JsonKind::kString) {
        const auto text = value.string();
        const auto parsed = config::parse_duration(text);
        if (parsed.has_value()) return *parsed;
        return wrong_value(path, value, duration_advice(text));
    }
    constexpr std::string_view kWanted = "seconds as an integer, or a string such as \"30s\"";
    if (value.kind() != JsonKind::kNumber) return wrong_type(path, value, kWanted);
    constexpr std::int64_t kSecondsMax = 1'000'000'000'000;  // Also fits as milliseconds.
    const auto seconds = value.integer();
    if (seconds && *seconds >= 0 && *seconds <= kSecondsMax) {
        return milliseconds(std::chrono::seconds(*seconds));
    }
    return wrong_value(path, value,
                       seconds ? std::string(kWanted)
                               : fmt::format("seconds as an integer, or a string: {}",
                                             duration_advice(value.text())));
}

}  // namespace

void throw_exception_from_error(const Problem& problem, const boost::source_location&) {
    throw std::runtime_error(problem.detail);
}

Decoded<JsonFields> JsonFields::of(const JsonView& object, std::string path,
                                   std::span<const std::string_view> known,
                                   std::span<const NameAdvice> advice) {
    // If there are more members than known names, one of the first is unknown or repeated.
    auto members = object.members(known.size() + 1);
    for (std::size_t i = 0; i < members.size(); ++i) {
        const auto& name = members[i].name;
        if (std::ranges::find(known, name) == known.end()) {
            return unknown_field(path, name, known, advice);
        }
        const auto earlier = std::span(members).first(i);
        if (std::ranges::find(earlier, name, &JsonMember::name) != earlier.end()) {
            return sent_twice(join_path(path, name));
        }
    }
    return JsonFields(std::move(path), std::move(members));
}

std::string JsonFields::path(std::string_view name) const {
    return join_path(path_, name);
}

const JsonView* JsonFields::find(std::string_view name) const {
    const auto found = std::ranges::find(members_, name, &JsonMember::name);
    if (found == members_.end() || found->value.kind() == JsonKind::kNull) return nullptr;
    return &found->value;
}

bool JsonFields::has_null(std::string_view name) const {
    const auto found = std::ranges::find(members_, name, &JsonMember::name);
    return found != members_.end() && found->value.kind() == JsonKind::kNull;
}

Decoded<JsonView> JsonFields::require(std::string_view name, std::string_view wanted) const {
    if (const auto* value = find(name)) return *value;
    return Problem{ProblemCode::kMissingField,
                   fmt::format("`{}` is missing; send {}.", path(name), wanted), path(name)};
}

Decoded<std::optional<std::string>> JsonFields::string(std::string_view name,
                                                       std::string_view wanted) const {
    const auto* value = find(name);
    if (value == nullptr) return std::optional<std::string>();
    if (value->kind() != JsonKind::kString) return wrong_type(path(name), *value, wanted);
    return std::optional(value->string());
}

Decoded<std::optional<std::int64_t>> JsonFields::integer(std::string_view name, std::int64_t least,
                                                         std::int64_t most) const {
    const auto* value = find(name);
    if (value == nullptr) return std::optional<std::int64_t>();
    const auto wanted = fmt::format("an integer from {} to {}", least, most);
    if (value->kind() != JsonKind::kNumber) return wrong_type(path(name), *value, wanted);
    const auto number = value->integer();
    if (!number || *number < least || *number > most) {
        return wrong_value(path(name), *value, wanted);
    }
    return number;
}

Decoded<std::optional<storage::DbTime>> JsonFields::time(std::string_view name) const {
    constexpr std::string_view kWanted =
        "unix seconds as a number, or a time such as \"2030-01-31T09:00:00Z\"";
    const auto* value = find(name);
    if (value == nullptr) return std::optional<storage::DbTime>();
    const bool is_text = value->kind() == JsonKind::kString;
    if (!is_text && value->kind() != JsonKind::kNumber) {
        return wrong_type(path(name), *value, kWanted);
    }
    const auto text = is_text ? value->string() : std::string(value->text());
    if (const auto time = parse_time(text)) return time;
    return wrong_value(path(name), *value, time_advice(text));
}

Decoded<std::optional<milliseconds>> JsonFields::duration(std::string_view name,
                                                          milliseconds most) const {
    const auto* value = find(name);
    if (value == nullptr) return std::optional<milliseconds>();
    TRY(const auto duration, decode_duration(*value, path(name)));
    if (duration.count() > 0 && duration <= most) return std::optional(duration);
    return wrong_value(path(name), *value,
                       fmt::format("more than 0 and at most {}", config::show_duration(most)));
}

std::string join_path(std::string_view parent, std::string_view name) {
    return parent.empty() ? std::string(name) : fmt::format("{}.{}", parent, name);
}

std::string shown(std::string_view text) {
    constexpr std::size_t kShownMax = 64;
    if (text.size() <= kShownMax) return std::string(text);
    std::size_t size = 0;
    while (true) {
        const auto next = utf8_sequence(text.substr(size));
        if (next == 0 || size + next > kShownMax) break;
        size += next;
    }
    return std::string(text.substr(0, size)) + "…";
}

Problem wrong_type(const std::string& path, const JsonView& value, std::string_view wanted) {
    return {ProblemCode::kInvalidType,
            fmt::format("`{}` is {}; send {}.", path, phrase(value.kind()), wanted), path};
}

Problem wrong_value(const std::string& path, const JsonView& value, std::string_view wanted) {
    return {ProblemCode::kInvalidValue,
            fmt::format("`{}` is {}; send {}.", path, shown(value.text()), wanted), path};
}

Problem sent_twice(const std::string& path) {
    return {ProblemCode::kDuplicateField, fmt::format("`{}` was sent twice; send it once.", path),
            path};
}

}  // namespace millrace::api::codec

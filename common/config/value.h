// Values as text: parsing within bounds, and printing without secrets.
//
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/settings.h"

namespace millrace::config {

// Parses by the row's type and checks the row's bounds. Lists are split at commas, their entries
// trimmed and empty entries dropped. A backslash before a comma, a blank or a backslash makes that
// character part of the entry; elsewhere the backslash itself is part of it. The error says what is
// wrong and what is allowed, without naming the setting.
Result<Value> parse_value(const SettingInfo& row, std::string_view text);

// The text that parses to a list of these entries.
std::string list_text(const std::vector<std::string>& entries);

// A text that parses to the value; secrets become "***".
std::string show_value(const SettingInfo& row, const Value& value);

// Accepts one number and one unit: "10s", but not "1h30m".
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string show_duration(std::chrono::milliseconds duration);

Result<std::int64_t> parse_bytes(std::string_view text);
std::string show_bytes(std::int64_t bytes);

// A libpq connection string, in keyword or URI form, without its password.
std::string hide_password(std::string_view conninfo);

}  // namespace millrace::config

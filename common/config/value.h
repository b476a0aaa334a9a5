// Values as text: parsing with bounds, and printing without secrets.
//
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/settings.h"

namespace millrace::config {

// Parses by the row's type and checks its bounds. Lists are split at commas, blanks trimmed and
// empty entries dropped; a backslash before a comma, a blank or a backslash makes it part of the
// entry, elsewhere it is one itself. The error says what is wrong and what is allowed, without
// naming the setting.
Result<Value> parse_value(const SettingInfo& row, std::string_view text);

// The text of a list with these entries.
std::string list_text(const std::vector<std::string>& entries);

// The same text that parses to it, but for secrets, which become "***".
std::string show_value(const SettingInfo& row, const Value& value);

// "10s", "1h30m" is not accepted: one number and one unit.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string show_duration(std::chrono::milliseconds duration);

Result<std::int64_t> parse_bytes(std::string_view text);
std::string show_bytes(std::int64_t bytes);

// A libpq connection string, keyword or URI form, without its password.
std::string hide_password(std::string_view conninfo);

}  // namespace millrace::config

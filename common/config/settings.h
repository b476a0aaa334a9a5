// The settings as data: one row per setting, from settings.inc.
//
// Pure, constant.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace millrace::config {

enum class Setting {
#define SETTING(enumerator, type, name, default_text, bounds, programs, help) enumerator,
#include "common/config/settings.inc"
#undef SETTING
};

enum class Type {
    kString,
    kConninfo,  // A string, shown without its password.
    kSecret,    // A string, never shown.
    kInt,
    kDouble,
    kBool,
    kDuration,
    kBytes,
    kList,
    kSecretList,  // A list, never shown.
    kDevices,     // A list of devices, see common/base/device.h.
};

enum class Program { kGateway, kWorker };
enum class Programs { kGateway, kWorker, kBoth };

struct SettingInfo {
    Setting setting;
    std::string_view name;
    Type type;
    std::string_view default_text;
    std::string_view bounds;  // "least..most", "one|another" or empty.
    Programs programs;
    std::string_view help;
};

inline constexpr std::array kSettings{
#define SETTING(enumerator, type, name, default_text, bounds, programs, help)   \
    SettingInfo{Setting::enumerator, name, Type::k##type, default_text, bounds, \
                Programs::programs,  help},
#include "common/config/settings.inc"
#undef SETTING
};

constexpr const SettingInfo& info(Setting setting) {
    return kSettings[static_cast<std::size_t>(setting)];
}

constexpr bool is_used_by(const SettingInfo& row, Program program) {
    if (row.programs == Programs::kBoth) return true;
    return (row.programs == Programs::kGateway) == (program == Program::kGateway);
}

constexpr bool is_list(Type type) {
    return type == Type::kList || type == Type::kSecretList || type == Type::kDevices;
}

// Returns null if no setting has this name.
const SettingInfo* find_setting(std::string_view name);

// The name that was most likely meant by a misspelt one; empty if none is near.
std::string_view nearest_setting(std::string_view name);

std::string_view program_name(Program program);  // "millrace-gateway"

// Sizes are bytes.
using Value = std::variant<std::string, std::int64_t, double, bool, std::chrono::milliseconds,
                           std::vector<std::string>>;

// The alternative of Value that holds values of a type.
template <Type>
struct ValueOf {
    using type = std::string;
};
template <>
struct ValueOf<Type::kInt> {
    using type = std::int64_t;
};
template <>
struct ValueOf<Type::kDouble> {
    using type = double;
};
template <>
struct ValueOf<Type::kBool> {
    using type = bool;
};
template <>
struct ValueOf<Type::kDuration> {
    using type = std::chrono::milliseconds;
};
template <>
struct ValueOf<Type::kBytes> {
    using type = std::int64_t;
};
template <>
struct ValueOf<Type::kList> {
    using type = std::vector<std::string>;
};
template <>
struct ValueOf<Type::kSecretList> {
    using type = std::vector<std::string>;
};
template <>
struct ValueOf<Type::kDevices> {
    using type = std::vector<std::string>;
};

}  // namespace millrace::config

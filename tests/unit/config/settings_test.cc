#include "common/config/settings.h"

#include <gtest/gtest.h>

#include <cctype>
#include <set>

#include "common/config/sources.h"
#include "common/config/value.h"

namespace millrace::config {
namespace {

constexpr std::string_view kEnumerators[] = {
#define SETTING(enumerator, type, name, default_text, bounds, programs, help) #enumerator,
#include "common/config/settings.inc"
#undef SETTING
};

// worker.lease_ttl → kWorkerLeaseTtl
std::string enumerator_of(std::string_view name) {
    std::string made = "k";
    bool upper = true;
    for (const char c : name) {
        if (c == '.' || c == '_') {
            upper = true;
            continue;
        }
        made += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
        upper = false;
    }
    return made;
}

TEST(Settings, EnumeratorsSpellTheNames) {
    for (std::size_t i = 0; i < kSettings.size(); ++i) {
        EXPECT_EQ(kEnumerators[i], enumerator_of(kSettings[i].name));
        EXPECT_EQ(kSettings[i].setting, static_cast<Setting>(i));
    }
}

TEST(Settings, NamesAndVariablesAreDistinct) {
    std::set<std::string_view> names;
    std::set<std::string> variables;
    for (const auto& row : kSettings) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_TRUE(variables.insert(variable_name(row.name)).second) << row.name;
    }
}

// `a: 1` and `a: {b: 2}` cannot both stand in one YAML file.
TEST(Settings, NoNameIsTheSectionOfAnother) {
    for (const auto& row : kSettings) {
        for (const auto& other : kSettings) {
            EXPECT_FALSE(other.name.starts_with(std::string(row.name) + ".")) << other.name;
        }
    }
}

TEST(Settings, DefaultsAreValidAndPrintedAsTheyAreWritten) {
    for (const auto& row : kSettings) {
        const auto value = parse_value(row, row.default_text);
        ASSERT_TRUE(value.has_value()) << row.name << ": " << value.error().message;
        EXPECT_EQ(show_value(row, *value), row.default_text) << row.name;
    }
}

TEST(Settings, NumbersHaveBounds) {
    for (const auto& row : kSettings) {
        const bool is_number = row.type == Type::kInt || row.type == Type::kDouble ||
                               row.type == Type::kDuration || row.type == Type::kBytes;
        EXPECT_EQ(row.bounds.find("..") != std::string::npos, is_number) << row.name;
    }
}

TEST(Settings, HelpIsASentence) {
    for (const auto& row : kSettings) EXPECT_TRUE(row.help.ends_with('.')) << row.name;
}

TEST(Settings, NearestNameForgivesTypingMistakes) {
    EXPECT_EQ(nearest_setting("gatway.port"), "gateway.port");
    EXPECT_EQ(nearest_setting("gateway.prot"), "gateway.port");
    EXPECT_EQ(nearest_setting("worker.lease-ttl"), "worker.lease_ttl");
    EXPECT_EQ(nearest_setting("bootstrap"), "kafka.bootstrap");
    EXPECT_EQ(nearest_setting("entirely.something.else"), "");
    EXPECT_EQ(nearest_setting(std::string(100'000, 'x')), "");
}

}  // namespace
}  // namespace millrace::config

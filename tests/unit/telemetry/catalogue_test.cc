#include "common/telemetry/catalogue.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace millrace::telemetry {
namespace {

std::vector<std::string> split(std::string_view names) {
    std::vector<std::string> parts;
    std::istringstream stream{std::string(names)};
    for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
    return parts;
}

TEST(Catalogue, NamesAreDistinctAndSayTheirUnit) {
    std::set<std::string_view> names;
    for (const auto& row : kMetrics) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_TRUE(row.name.starts_with("millrace_") || row.name.starts_with("process_"));
        EXPECT_EQ(row.name.ends_with("_total"), row.kind == Kind::kCounter) << row.name;
        if (row.kind == Kind::kSeconds || row.kind == Kind::kLongSeconds) {
            EXPECT_TRUE(row.name.ends_with("_duration_seconds")) << row.name;
        }
        if (row.kind == Kind::kSize) {
            EXPECT_TRUE(row.name.ends_with("_jobs")) << row.name;
        }
    }
}

TEST(Catalogue, LabelsAreDeclaredAndUsed) {
    std::set<std::string> declared;
    for (const auto& label : labels()) declared.insert(std::string(label.name));
    std::set<std::string> used;
    for (const auto& row : kMetrics) {
        EXPECT_EQ(split(row.labels).size(), label_count(row)) << row.name;
        for (const auto& label : split(row.labels)) used.insert(label);
    }
    EXPECT_EQ(used, declared);
}

TEST(Catalogue, TextsAreSentences) {
    for (const auto& row : kMetrics) {
        EXPECT_TRUE(row.help.ends_with('.')) << row.name;
        EXPECT_TRUE(row.when.ends_with('.')) << row.name;
    }
}

}  // namespace
}  // namespace millrace::telemetry

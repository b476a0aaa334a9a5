// docs/job-lifecycle.md has a row for each state and each transition of common/job/job_state.h, and
// no other rows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "common/job/job_state.h"
#include "tests/golden/source_file.h"

namespace millrace {
namespace {

constexpr std::string_view kPage = "docs/job-lifecycle.md";

// Returns the rows of the table under a heading, as they are written.
std::vector<std::string> table_rows(const std::string& page, const std::string& heading) {
    std::istringstream lines(page);
    std::vector<std::string> rows;
    bool inside = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("#")) inside = line == heading;
        if (inside && line.starts_with("| `")) rows.push_back(line);
    }
    return rows;
}

std::string cell(std::string_view state) {
    return "| `" + std::string(state) + "` ";
}

TEST(JobLifecyclePage, ListsEveryTransitionWithItsCause) {
    std::vector<std::string> expected;
    for (const auto& row : job_transitions()) {
        expected.push_back(cell(name(row.from)) + cell(name(row.to)) + "| " +
                           std::string(row.cause) + " |");
    }
    EXPECT_THAT(table_rows(golden::source_file(std::string(kPage)), "## Transitions"),
                ::testing::UnorderedElementsAreArray(expected));
}

TEST(JobLifecyclePage, ListsEveryState) {
    const auto rows = table_rows(golden::source_file(std::string(kPage)), "## States");
    std::vector<std::string> expected;
    std::vector<std::string> listed;
    for (const auto& row : job_states()) expected.push_back(cell(row.name));
    for (const auto& row : rows) listed.push_back(row.substr(0, row.find("| ", 2)));
    EXPECT_THAT(listed, ::testing::ElementsAreArray(expected));
}

TEST(JobLifecyclePage, DrawsEveryTransition) {
    const auto page = golden::source_file(std::string(kPage));
    for (const auto& row : job_transitions()) {
        const auto arrow = std::string(name(row.from)) + " --> " + std::string(name(row.to));
        EXPECT_THAT(page, ::testing::HasSubstr(arrow));
    }
}

}  // namespace
}  // namespace millrace

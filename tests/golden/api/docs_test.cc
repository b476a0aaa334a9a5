// docs/api.md names every route and every code.
#include <gtest/gtest.h>

#include "producer/api/routes.h"
#include "tests/golden/source_file.h"

namespace millrace::api {
namespace {

using server::problem_table;

TEST(ApiPage, NamesEveryRouteAndCode) {
    const auto page = golden::source_file("docs/api.md");
    for (const auto& route : route_table()) {
        EXPECT_NE(page.find(std::string(route.pattern) + "`"), std::string::npos) << route.pattern;
    }
    for (const auto& row : problem_table()) {
        EXPECT_NE(page.find("`" + std::string(row.code) + "`"), std::string::npos) << row.code;
    }
}

}  // namespace
}  // namespace millrace::api

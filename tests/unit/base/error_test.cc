#include "common/base/error.h"

#include <gtest/gtest.h>

#include <set>

namespace millrace {
namespace {

TEST(ErrorTable, HasOneRowPerCodeInTheirOrder) {
    const auto table = error_table();
    EXPECT_EQ(table.size(), static_cast<std::size_t>(ErrorCode::kInternal) + 1);
    for (std::size_t i = 0; i < table.size(); ++i) {
        EXPECT_EQ(table[i].code, static_cast<ErrorCode>(i));
        EXPECT_EQ(&error_info(table[i].code), &table[i]);
    }
}

TEST(ErrorTable, NamesAreDistinctSnakeCase) {
    std::set<std::string_view> names;
    for (const auto& row : error_table()) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_EQ(row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos);
    }
}

TEST(ErrorTable, StatusesAreErrorsAndRetryableOnesAreOverloadOrOutage) {
    for (const auto& row : error_table()) {
        EXPECT_GE(row.http_status, 400) << row.name;
        EXPECT_LT(row.http_status, 600) << row.name;
        if (row.retryable) {
            EXPECT_TRUE(row.http_status == 429 || row.http_status >= 503) << row.name;
        }
    }
}

TEST(Error, PrintsItsCodeBeforeItsMessage) {
    const Error error{ErrorCode::kUnavailable, "PostgreSQL refused the connection"};
    EXPECT_EQ(to_string(error), "unavailable: PostgreSQL refused the connection");
}

}  // namespace
}  // namespace millrace

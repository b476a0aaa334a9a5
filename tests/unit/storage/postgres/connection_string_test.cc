#include <gtest/gtest.h>

#include "common/storage/postgres/session.h"

namespace millrace::storage {
namespace {

std::string with(const std::string& conninfo) {
    return postgres::connection_string(
        {.conninfo = conninfo, .application_name = "millrace-worker"});
}

TEST(ConnectionString, PutsGivenOptionsLast) {
    const auto text = with("host=db connect_timeout=9");
    EXPECT_LT(text.find("connect_timeout=5"), text.find("connect_timeout=9"));
    EXPECT_NE(text.find("application_name='millrace-worker'"), text.npos);
}

TEST(ConnectionString, AddsToAUri) {
    EXPECT_TRUE(with("postgresql://db/millrace").starts_with("postgresql://db/millrace?connect_"));
    EXPECT_TRUE(
        with("postgres://db?sslmode=require").starts_with("postgres://db?sslmode=require&"));
}

TEST(ConnectionString, WaitsForAConnectionAtLeastAsLongAsLibpqCan) {
    const auto text =
        postgres::connection_string({.conninfo = "", .connect_timeout = milliseconds(100)});
    EXPECT_NE(text.find("connect_timeout=2 "), text.npos);
}

}  // namespace
}  // namespace millrace::storage

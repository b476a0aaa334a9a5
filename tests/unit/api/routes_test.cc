#include "producer/api/routes.h"

#include <gtest/gtest.h>

#include <set>

namespace millrace::api {
namespace {

std::string name_of(Method method, std::string_view path) {
    const auto found = find_route(method, path);
    if (const auto* match = std::get_if<RouteMatch>(&found)) {
        return std::string(match->route->name) + " " + match->id;
    }
    return std::string(info(std::get<RouteMiss>(found).problem.code).code);
}

TEST(Routes, FindTheirWay) {
    EXPECT_EQ(name_of(Method::kPost, "/v1/jobs"), "submit_job ");
    EXPECT_EQ(name_of(Method::kGet, "/v1/jobs"), "list_jobs ");
    EXPECT_EQ(name_of(Method::kPost, "/v1/jobs:batch"), "submit_batch ");
    EXPECT_EQ(name_of(Method::kGet, "/v1/jobs/abc"), "get_job abc");
    EXPECT_EQ(name_of(Method::kHead, "/v1/jobs/abc"), "get_job abc");
    EXPECT_EQ(name_of(Method::kGet, "/v1/jobs/abc/result"), "get_result abc");
    EXPECT_EQ(name_of(Method::kPost, "/v1/jobs/abc/cancel"), "cancel_job abc");
    EXPECT_EQ(name_of(Method::kGet, "/v1/jobs//result"), "unknown_url");
    EXPECT_EQ(name_of(Method::kGet, "/v1/jobs/a/b/result"), "unknown_url");
    EXPECT_EQ(name_of(Method::kGet, "/v1/jobs/abc/cancel"), "method_not_allowed");
    EXPECT_EQ(name_of(Method::kHead, "/v1/jobs/abc/events"), "method_not_allowed");
    EXPECT_EQ(name_of(Method::kGet, ""), "unknown_url");
}

TEST(Routes, HaveNamesOfTheirOwn) {
    std::set<std::string_view> names;
    for (const auto& route : route_table()) EXPECT_TRUE(names.insert(route.name).second);
}

}  // namespace
}  // namespace millrace::api

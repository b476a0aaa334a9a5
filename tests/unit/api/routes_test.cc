#include "producer/api/routes.h"

#include <gtest/gtest.h>

#include <set>

namespace millrace::api {
namespace {

using server::Method;
using server::RouteMatch;
using server::RouteMiss;

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

std::string advice(std::string_view path) {
    return std::get<RouteMiss>(find_route(Method::kGet, path)).problem.detail;
}

TEST(Routes, NameTheKnownPathsForUnknownOnes) {
    const std::pair<std::string, std::string> cases[] = {
        {"/v1/jobs/", "Did you mean /v1/jobs?"},
        {"//v1//jobs", "Did you mean /v1/jobs?"},
        {"/v1/job", "Did you mean /v1/jobs?"},
        {"/jobs", "Did you mean /v1/jobs?"},
        {"/V1/Jobs", "Did you mean /v1/jobs?"},
        {"/v2/jobs", "Did you mean /v1/jobs?"},
        {"/api/jobs", "Did you mean /v1/jobs?"},
        {"/v1/jobs:bacth", "Did you mean /v1/jobs:batch?"},
        {"/v1/jobs/abc/result/", "Did you mean /v1/jobs/abc/result?"},
        {"/jobs/Abc/result", "Did you mean /v1/jobs/Abc/result?"},
        {"/health", "Did you mean /healthz?"},
        {"/v1/health", "Did you mean /healthz?"},
        {"/metrics/", "Did you mean /metrics?"},
        {"/queues", "Did you mean /v1/queues?"},
        {"/v1/jobs/abc/cancle", "A job is at /v1/jobs/{id}"},
        {"/v1/jobs/a/b/c", "A job is at /v1/jobs/{id}"},
        {"/v1/chat/completions", "Millrace is a queue"},
        {"/chat/completions/", "Millrace is a queue"},
        {"/v1/completions", "Millrace is a queue"},
        {"/v1/embeddings", "Millrace is a queue"},
        {"/v2/models/resnet/infer", "Millrace is a queue"},
        {"/generate", "Millrace is a queue"},
        {"/v1/models", "GET /v1/workers"},
        {"/", "The paths are /v1/jobs"},
        {"", "The paths are /v1/jobs"},
        {"/index.html", "The paths are /v1/jobs"},
        {"/" + std::string(5000, 'a'), "The paths are /v1/jobs"},
    };
    for (const auto& [path, part] : cases) {
        EXPECT_NE(advice(path).find(part), std::string::npos) << path << ": " << advice(path);
    }
}

TEST(Routes, HaveNamesOfTheirOwn) {
    std::set<std::string_view> names;
    for (const auto& route : route_table()) EXPECT_TRUE(names.insert(route.name).second);
}

}  // namespace
}  // namespace millrace::api

// What `millrace retry` asks the gateway for.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "producer/cli/commands.h"

namespace millrace::cli {
namespace {

using Json = nlohmann::json;

TEST(RetryFilter, IsEmptyWhereNothingIsAskedFor) {
    EXPECT_EQ(retry_filter({}), "");
    EXPECT_EQ(retry_filter({.ids = {"job_1"}, .dry_run = true, .yes = true}), "");
}

TEST(RetryFilter, HasWhatTheOptionsSay) {
    const auto filter = Json::parse(retry_filter({.status = {"failed", "expired"},
                                                  .queue = "gpu",
                                                  .priority = "low",
                                                  .model = "m",
                                                  .error = "worker_lost",
                                                  .metadata = {"user=42", "note=a=b", "flag"},
                                                  .created_after = "2030-01-01T00:00:00Z",
                                                  .created_before = "2030-01-02T00:00:00Z"}));
    EXPECT_EQ(filter, Json({{"status", {"failed", "expired"}},
                            {"queue", "gpu"},
                            {"priority", "low"},
                            {"model", "m"},
                            {"error", "worker_lost"},
                            {"metadata", {{"user", "42"}, {"note", "a=b"}, {"flag", ""}}},
                            {"created_after", "2030-01-01T00:00:00Z"},
                            {"created_before", "2030-01-02T00:00:00Z"}}));
}

}  // namespace
}  // namespace millrace::cli

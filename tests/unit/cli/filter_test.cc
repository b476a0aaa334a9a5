// The gateway requests that the filters of list, retry and cancel make.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "producer/cli/commands.h"

namespace millrace::cli {
namespace {

using Json = nlohmann::json;

FilterOptions everything() {
    return {.status = {"failed", "expired"},
            .queue = "gpu",
            .priority = "low",
            .model = "a/b c",
            .error = "worker_lost",
            .metadata = {"user=42", "note=a=b", "flag="},
            .created_after = "2030-01-01T00:00:00+01:00",
            .created_before = "2030-01-02T00:00:00Z"};
}

TEST(Filter, IsEmptyWithoutOptions) {
    EXPECT_EQ(filter_body({}), "");
    EXPECT_EQ(filter_query({}), "");
}

TEST(Filter, IsABodyMadeFromTheOptions) {
    EXPECT_EQ(Json::parse(filter_body(everything())),
              Json({{"status", {"failed", "expired"}},
                    {"queue", "gpu"},
                    {"priority", "low"},
                    {"model", "a/b c"},
                    {"error", "worker_lost"},
                    {"metadata", {{"user", "42"}, {"note", "a=b"}, {"flag", ""}}},
                    {"created_after", "2030-01-01T00:00:00+01:00"},
                    {"created_before", "2030-01-02T00:00:00Z"}}));
}

TEST(Filter, IsAQueryWithEscapedCharacters) {
    EXPECT_EQ(filter_query(everything()),
              "status=failed%2Cexpired&queue=gpu&priority=low&model=a%2Fb%20c&error=worker_lost"
              "&created_after=2030-01-01T00%3A00%3A00%2B01%3A00"
              "&created_before=2030-01-02T00%3A00%3A00Z"
              "&metadata%5Buser%5D=42&metadata%5Bnote%5D=a%3Db&metadata%5Bflag%5D=");
}

}  // namespace
}  // namespace millrace::cli

#include "worker/backends/usage.h"

#include <gtest/gtest.h>

namespace millrace::backends {
namespace {

TEST(Usage, IsReadUnderBothNames) {
    EXPECT_EQ(parse_usage(R"({"prompt_tokens":9,"completion_tokens":2,"total_tokens":11})"),
              (Usage{9, 2}));
    EXPECT_EQ(parse_usage(R"({"input_tokens":5,"output_tokens":0})"), (Usage{5, 0}));
}

TEST(Usage, KeepsWhatWasCounted) {
    EXPECT_EQ(parse_usage(R"({"prompt_tokens":9})"), (Usage{.prompt_tokens = 9}));
    EXPECT_EQ(parse_usage(R"({"prompt_tokens":null,"completion_tokens":2})"),
              (Usage{.completion_tokens = 2}));
    EXPECT_EQ(parse_usage(R"({"prompt_tokens":9,"completion_tokens":-1})"),
              (Usage{.prompt_tokens = 9}));
    EXPECT_EQ(parse_usage(R"({"prompt_tokens":9.0,"completion_tokens":2.5})"),
              (Usage{.prompt_tokens = 9}));
    EXPECT_EQ(parse_usage(R"({"prompt_tokens":1e300,"completion_tokens":2})"),
              (Usage{.completion_tokens = 2}));
}

TEST(Usage, AMissingCountFollowsFromTheOtherTwo) {
    EXPECT_EQ(parse_usage(R"({"prompt_tokens":9,"total_tokens":11})"), (Usage{9, 2}));
    EXPECT_EQ(parse_usage(R"({"prompt_tokens":4,"total_tokens":4})"), (Usage{4, 0}));
    EXPECT_EQ(parse_usage(R"({"completion_tokens":2,"total_tokens":11})"), (Usage{9, 2}));
    EXPECT_EQ(parse_usage(R"({"prompt_tokens":9,"total_tokens":3})"), (Usage{.prompt_tokens = 9}));
}

TEST(Usage, IsUnknownWithoutCounts) {
    for (const auto* text :
         {"null", "{}", "[]", "7", "", "{\"prompt_tokens\":\"9\"}", R"({"total_tokens":11})",
          R"({"prompt_tokens":0,"completion_tokens":0,"total_tokens":0})"}) {
        EXPECT_FALSE(parse_usage(text).is_known()) << text;
    }
}

}  // namespace
}  // namespace millrace::backends

// The codes that clients branch on, and the shape of a problem.
#include "producer/server/problems.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/golden/source_file.h"

namespace millrace::api {
namespace {

using server::error_type;
using server::problem_item_json;
using server::problem_json;
using server::problem_of;
using server::problem_table;
using server::ProblemCode;
using server::RetryAdvice;

std::string table_text() {
    std::string text;
    for (const auto& row : problem_table()) {
        const auto* retry = row.retry == RetryAdvice::kNever  ? "never"
                            : row.retry == RetryAdvice::kSoon ? "soon"
                                                              : "-";
        text += fmt::format("{} {} {} {} | {}\n", row.status, row.code, error_type(row.status),
                            retry, row.title);
    }
    return text;
}

TEST(Problems, AreThoseThatClientsKnow) {
    EXPECT_EQ(table_text(), golden::source_file("tests/golden/api/problems.txt"))
        << "if the change is meant, make this tests/golden/api/problems.txt:\n"
        << table_text();
}

TEST(Problems, HaveCodesOfTheirOwn) {
    std::set<std::string_view> codes;
    for (const auto& row : problem_table()) EXPECT_TRUE(codes.insert(row.code).second) << row.code;
}

// SDKs retry 408, 409, 429 and 5xx by themselves, so each of these says whether a retry makes
// sense.
TEST(Problems, GiveAdviceIfSdksWouldRetryThem) {
    for (const auto& row : problem_table()) {
        if (row.status == 409 || row.status == 429 || row.status >= 500) {
            EXPECT_NE(row.retry, RetryAdvice::kAsUsual) << row.code;
        }
    }
}

TEST(Problems, HaveOneShape) {
    EXPECT_EQ(problem_json({ProblemCode::kJobNotFound, "There is no \"x\".", "id", {{"a", "1"}}},
                           "/v1/jobs/x"),
              R"({"type":"urn:millrace:problem:job_not_found","title":"There is no such job",)"
              R"("status":404,"detail":"There is no \"x\".","instance":"/v1/jobs/x","a":1,)"
              R"("error":{"message":"There is no \"x\".","type":"invalid_request_error",)"
              R"("param":"id","code":"job_not_found"}})");
    EXPECT_EQ(problem_item_json({ProblemCode::kQueueFull, "Wait.", {}}),
              R"({"object":"error","status":429,"error":{"message":"Wait.",)"
              R"("type":"rate_limit_error","param":null,"code":"queue_full"}})");
}

TEST(Problems, HaveTheStatusOfTheirErrorInTheErrorTable) {
    for (const auto& row : error_table()) {
        const auto& problem = info(problem_of({row.code, "x"}).code);
        if (row.code == ErrorCode::kCancelled) continue;  // We never answer 499.
        EXPECT_EQ(problem.status, row.http_status) << row.name;
    }
}

}  // namespace
}  // namespace millrace::api

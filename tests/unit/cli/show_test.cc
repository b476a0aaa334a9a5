// A job and its result as people read them.
#include "producer/cli/show.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

Answer answer(const std::string& text) {
    return {text, Json::parse(text)};
}

TEST(OutputText, IsBareIfTheOutputIsOneText) {
    EXPECT_EQ(output_text(R"({"text":"hi"})"), "hi");
    EXPECT_EQ(output_text(R"("hi")"), "hi");
    EXPECT_EQ(output_text(R"({"choices":[{"text":"a\nb"}],"usage":{}})"), "a\nb");
    EXPECT_EQ(output_text(R"({"choices":[{"message":{"role":"assistant","content":"c"}}]})"), "c");
}

TEST(OutputText, LosesNothingOfAnotherOutput) {
    for (const auto* whole :
         {R"({"text":"hi","score":1})", R"({"text":7})", R"([1.0,2])", "7", "{}",
          R"({"z":1.10,"a":12345678901234567890123})", R"({"choices":[{"text":"a"},{"text":"b"}]})",
          R"({"choices":[{"message":{"content":null}}]})", R"({"choices":[]})",
          R"({"choices":[{"message":{"content":"x","tool_calls":[{"id":"1"}]}}]})"}) {
        EXPECT_EQ(output_text(whole), whole);
    }
}

TEST(NoteIfNobodyServes, SaysThatAJobMayWaitForever) {
    testing::internal::CaptureStderr();
    EXPECT_TRUE(note_if_nobody_serves(
        answer(R"({"id":"job_1","model":"m","queue":"q","wait":{"reason":"no_workers"}})").json));
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                HasSubstr("no live worker of queue q serves the model m: job_1 waits"));
    EXPECT_FALSE(note_if_nobody_serves(answer(R"({"id":"job_1","wait":null})").json));
    EXPECT_FALSE(note_if_nobody_serves(answer(R"({"wait":{"reason":"backoff"}})").json));
}

TEST(JobText, ShowsTheAttemptTheWorkerAndTheLastError) {
    const auto text = job_text(answer(R"({"id":"job_1","status":"in_progress","model":"m",
        "queue":"default","priority":"normal","attempt":4,"failures":1,"max_attempts":3,
        "interruptions":2,"worker":{"name":"gpu-7"},"created_at":1760000000,
        "started_at":1760000001,"completed_at":null,"timing":{"queue_ms":5,"execution_ms":61000},
        "usage":null,"output":null,"partial_output":{"text":"so much"},"error":null,
        "last_error":{"code":"worker_lost","message":"it died"},
        "metadata":{"user":"42","b":"c"}})"));
    for (const auto* part : {"attempt      4 (1 of at most 3 failures, 2 interruptions)", "gpu-7",
                             "running for  1 m 1 s", "last error   worker_lost: it died", "user=42",
                             "so far:\nso much"}) {
        EXPECT_THAT(text, HasSubstr(part));
    }
}

TEST(JobText, SaysNothingOfARunThatNeverHappened) {
    const auto text = job_text(answer(R"({"id":"job_1","status":"scheduled","attempt":0,
        "failures":0,"max_attempts":3,"started_at":null,
        "timing":{"queue_ms":null,"execution_ms":null},
        "wait":{"reason":"backoff","until":1760000000}})"));
    EXPECT_THAT(text, Not(HasSubstr("ran")));
    EXPECT_THAT(text, Not(HasSubstr("attempt")));
    EXPECT_THAT(text, HasSubstr("backoff, until 2025-10-0"));
}

TEST(JobText, ShowsUnknownTokenCountsAsUnknown) {
    const auto with = [](const std::string& usage) {
        return job_text(answer(R"({"id":"job_1","status":"completed","usage":)" + usage + "}"));
    };
    EXPECT_THAT(with("null"), Not(HasSubstr("tokens")));
    EXPECT_THAT(with(R"({"prompt_tokens":null,"completion_tokens":null,"total_tokens":null})"),
                Not(HasSubstr("tokens")));
    EXPECT_THAT(with(R"({"prompt_tokens":null,"completion_tokens":4,"total_tokens":4})"),
                HasSubstr("4 (prompt ?, completion 4)"));
}

TEST(Ending, HasTheReason) {
    EXPECT_EQ(ending_of(Json::parse(R"({"status":"failed","error":{"code":"c","message":"m"}})")),
              "failed: c: m");
    EXPECT_EQ(ending_of(Json::parse(
                  R"({"status":"completed","started_at":1,"timing":{"execution_ms":1200}})")),
              "completed in 1.2 s");
    EXPECT_EQ(ending_of(Json::parse(R"({"status":"expired","started_at":null})")), "expired");
    EXPECT_EQ(ending_of(Json::parse(
                  R"({"status":"expired","error":{"code":"expired","message":"too late"}})")),
              "expired: too late");
}

}  // namespace
}  // namespace millrace::cli

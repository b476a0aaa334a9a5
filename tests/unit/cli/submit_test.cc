// The submissions that `millrace submit` makes of its arguments and of JSON lines.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/process/temporary_directory.h"
#include "producer/cli/batches.h"
#include "producer/cli/model.h"
#include "producer/cli/prompt.h"

#include <fstream>

namespace millrace::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string refusal(const SubmitOptions& options) {
    const auto status = check_submit(options);
    return status.has_value() ? "" : status.error().message;
}

TEST(SubmitOptionsCheck, TakesOneSourceOfInput) {
    EXPECT_EQ(refusal({.prompt = {"hello"}}), "");
    EXPECT_EQ(refusal({.prompt = {"-"}}), "");
    EXPECT_EQ(refusal({.file = "f"}), "");
    EXPECT_EQ(refusal({.input = "{}"}), "");
    EXPECT_EQ(refusal({.jsonl = "f", .idempotency_key = "k", .metadata = {"a=b"}}), "");
    EXPECT_THAT(refusal({}), HasSubstr("nothing to submit"));
}

TEST(SubmitOptionsCheck, IgnoresNothing) {
    EXPECT_THAT(refusal({.prompt = {"a"}, .file = "f"}), HasSubstr("--file"));
    EXPECT_THAT(refusal({.prompt = {"-", "a"}}), HasSubstr("standard input"));
    EXPECT_THAT(refusal({.prompt = {"a"}, .input = "{}"}), HasSubstr("a prompt"));
    EXPECT_THAT(refusal({.file = "f", .input = "{}"}), HasSubstr("--file"));
    EXPECT_THAT(refusal({.input = "{}", .chat = true}), HasSubstr("--chat"));
    EXPECT_THAT(refusal({.input = "{}", .tokens_max = 3}), HasSubstr("--max-tokens"));
    EXPECT_THAT(refusal({.prompt = {"a"}, .jsonl = "f"}), HasSubstr("a prompt"));
    EXPECT_THAT(refusal({.file = "f", .jsonl = "f"}), HasSubstr("--file"));
    EXPECT_THAT(refusal({.jsonl = "f", .input = "{}"}), HasSubstr("--input"));
    EXPECT_THAT(refusal({.jsonl = "f", .chat = true}), HasSubstr("--chat"));
    EXPECT_THAT(refusal({.jsonl = "f", .tokens_max = 3}), HasSubstr("--max-tokens"));
    EXPECT_THAT(refusal({.jsonl = "f", .wait = true}), HasSubstr("--wait"));
    EXPECT_THAT(refusal({.jsonl = "f", .follow = true}), HasSubstr("--follow"));
}

TEST(SubmitInput, IsPassedOnByteForByte) {
    const std::string odd = R"({ "z": 1.10, "a": 12345678901234567890123, "z2": [1E+30] })";
    EXPECT_EQ(*input_json({.input = odd}), odd);
    for (const auto* wrong : {"[1]", "{", "hello", " ", "{\"a\":\"\xff\"}", "{\"a\":1e400}"}) {
        EXPECT_FALSE(input_json({.input = wrong}).has_value()) << wrong;
    }
    EXPECT_THAT(input_json({.input = "\n {\"a\": \"\\ud800\"}"}).error().message,
                HasSubstr("; line 2, column 9: a high surrogate without a low one"));
}

TEST(SubmitInput, IsAPromptOrAChat) {
    EXPECT_EQ(*input_json({.prompt = {"say", "\"hi\""}, .tokens_max = 5}),
              R"({"prompt":"say \"hi\"","max_tokens":5})");
    EXPECT_EQ(*input_json({.prompt = {"hi"}, .chat = true}),
              R"({"messages":[{"role":"user","content":"hi"}]})");
    EXPECT_FALSE(input_json({.prompt = {""}}).has_value());
}

class SubmitFile : public testing::Test {
 protected:
    std::string write(const std::string& bytes) {
        const auto path = directory_.path() / "prompt";
        std::ofstream(path, std::ios::binary) << bytes;
        return path.string();
    }
    process::TemporaryDirectory directory_ = *process::TemporaryDirectory::make("millrace-cli-");
};

TEST_F(SubmitFile, LosesItsLastLineBreakOnly) {
    EXPECT_EQ(*input_json({.file = write("a\nb\n")}), R"({"prompt":"a\nb"})");
    EXPECT_EQ(*input_json({.file = write("a\r\n")}), R"({"prompt":"a"})");
    EXPECT_EQ(*input_json({.file = write("a\n\n")}), R"({"prompt":"a\n"})");
}

TEST_F(SubmitFile, MustBeText) {
    const auto refused = [](const std::string& file) {
        const auto input = input_json({.file = file});
        return input.has_value() ? "" : input.error().message;
    };
    EXPECT_THAT(refused(write("caf\xe9")), HasSubstr("not UTF-8"));
    EXPECT_THAT(refused(write(std::string("a\0b", 3))), HasSubstr("NUL"));
    EXPECT_THAT(refused(write("\n")), HasSubstr("empty"));
    EXPECT_THAT(refused(directory_.path().string()), HasSubstr("Is a directory"));
    EXPECT_THAT(refused("/no/such/file"), HasSubstr("No such file"));
}

TEST(JobLines, HaveTheirOwnFieldsFirst) {
    const auto lines = job_lines(
        "\xef\xbb\xbf{\"model\":\"m\",\"policy\":{\"ttl\":\"1h\"}}\r\n"
        "\n  \n{\"input\":{\"b\":1.0,\"a\":2}}",
        "f", R"({"policy":{"max_attempts":2}})");
    EXPECT_EQ(lines.faults_count, 0U);
    const auto& jobs = lines.jobs;
    ASSERT_EQ(jobs.size(), 2U);
    EXPECT_EQ(jobs[0].line, 1U);
    EXPECT_TRUE(jobs[0].has_model);
    EXPECT_EQ(jobs[0].body, R"({"model":"m","policy":{"ttl":"1h","max_attempts":2}})");
    EXPECT_EQ(jobs[1].line, 4U);
    EXPECT_FALSE(jobs[1].has_model);
    EXPECT_EQ(jobs[1].body, R"({"input":{"b":1.0,"a":2},"policy":{"max_attempts":2}})");
}

TEST(JobLines, NameThePlaceThatIsWrong) {
    for (const auto* wrong :
         {"{\"a\":", "[1]", "7", "{} {}", "{\"a\":\"\xff\"}", "nonsense", "{\"a\":NaN}",
          "{\"a\":1e400}", R"({"a":"\u0000"})", R"({"a":"\ud800"})", R"({"a":1)"}) {
        const auto lines = job_lines(fmt::format("\n{{}}\n{}\n", wrong), "f.jsonl", "{}");
        ASSERT_EQ(lines.faults_count, 1U) << wrong;
        EXPECT_THAT(lines.faults.front(), StartsWith("f.jsonl line 3, column ")) << wrong;
    }
    EXPECT_THAT(job_lines("{}\r\n  {\"a\":\"\\u0000\"}", "-", "{}").faults,
                ElementsAre("standard input line 2, column 9: the character U+0000 cannot be "
                            "stored; leave it out"));
}

TEST(JobLines, NameTheFirstWrongLinesAndCountTheRest) {
    std::string text;
    for (std::size_t i = 0; i < kFaultsShown + 5; ++i) text += "{}\nno\n";
    const auto lines = job_lines(text, "f", "{}");
    EXPECT_EQ(lines.faults_count, kFaultsShown + 5);
    ASSERT_EQ(lines.faults.size(), kFaultsShown);
    EXPECT_EQ(lines.faults.back(), "f line 40, column 1: expected a value");
}

TEST(JobLines, AreCutByBytesAndByNumber) {
    std::vector<JobLine> small(kBatchJobsMax + 7, {.line = 1, .body = "{}"});
    EXPECT_EQ(batch_size(small, 0), kBatchJobsMax);
    EXPECT_EQ(batch_size(small, kBatchJobsMax), 7U);
    const std::vector<JobLine> large(10, {.line = 1, .body = std::string(kBatchBytesMax / 3, 'x')});
    EXPECT_EQ(batch_size(large, 0), 2U);
    const std::vector<JobLine> huge(2, {.line = 1, .body = std::string(kBatchBytesMax * 2, 'x')});
    EXPECT_EQ(batch_size(huge, 0), 1U);
}

TEST(JobLines, LoseTheirPlaceInTheBatchInMessages) {
    EXPECT_EQ(without_place("`jobs[17].policy.ttl` is odd"), "`policy.ttl` is odd");
    EXPECT_EQ(without_place("`jobs[1].a`, `jobs[2].b`"), "`a`, `b`");
    EXPECT_EQ(without_place("jobs[ jobs[x]. jobs[3]"), "jobs[ jobs[x]. jobs[3]");
}

using Names = std::vector<std::string>;

Json workers(const std::vector<Json>& list) {
    return {{"data", list}};
}
Json worker(const Names& models, const std::string& state = "alive", const Names& queues = {"q"}) {
    return {{"state", state}, {"models", models}, {"queues", queues}};
}

TEST(OnlyModel, IsTheOneThatIsServed) {
    EXPECT_EQ(*only_model(workers({worker({"synthetic"})}), ""), "synthetic");
    EXPECT_EQ(*only_model(workers({worker({"synthetic", "m"}), worker({"m"})}), ""), "m");
    EXPECT_EQ(*only_model(workers({worker({"m"}), worker({"gone"}, "lost")}), ""), "m");
    EXPECT_EQ(*only_model(workers({worker({"m"}), worker({"n"}, "alive", {"other"})}), "other"),
              "n");
}

TEST(OnlyModel, IsThatOfEarlierWorkersIfNoneLives) {
    EXPECT_EQ(*only_model(workers({worker({"m"}, "lost"), worker({"m"}, "stopped")}), ""), "m");
}

TEST(OnlyModel, MustBeNamedIfThereAreMore) {
    const auto several = only_model(workers({worker({"b", "a", "synthetic"})}), "");
    ASSERT_FALSE(several.has_value());
    EXPECT_THAT(several.error().message, HasSubstr("a, b"));
    EXPECT_THAT(several.error().message, HasSubstr("--model"));
    const auto none = only_model(workers({}), "gpu");
    ASSERT_FALSE(none.has_value());
    EXPECT_THAT(none.error().message, HasSubstr("queue gpu"));
}

}  // namespace
}  // namespace millrace::cli

// The exact text that a client reads when its submission is wrong: each line must say what to
// change.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "producer/api/codec/submission.h"
#include "tests/golden/source_file.h"

namespace millrace::api {
namespace {

// Long parts of a body are built, not written out.
std::string many_pairs(int count) {
    std::string pairs;
    for (int i = 0; i < count; ++i) pairs += fmt::format("{}\"k{}\":\"v\"", i == 0 ? "" : ",", i);
    return pairs;
}

std::string job(std::string_view fields) {
    return fmt::format(R"({{"model":"m","input":{{}},{}}})", fields);
}

// Bodies with a wrong policy or wrong times.
std::vector<std::string> bodies_with_times() {
    return {
        job(R"("policy":"24h")"),
        job(R"("policy":{"timeout":"1m"})"),
        job(R"("policy":{"exec_timeout":"1m"})"),
        job(R"("policy":{"retries":3})"),
        job(R"("policy":{"expires_in":"1h"})"),
        job(R"("policy":{"run_at":0})"),
        job(R"("policy":{"ttl":"soon"})"),
        job(R"("policy":{"ttl":"1h30m"})"),
        job(R"("policy":{"ttl":"90"})"),
        job(R"("policy":{"ttl":"PT10M"})"),
        job(R"("policy":{"ttl":"forever"})"),
        job(R"("policy":{"ttl":1e3})"),
        job(R"("policy":{"ttl":1e300})"),
        job(R"("policy":{"ttl":true})"),
        job(R"("policy":{"ttl":0})"),
        job(R"("policy":{"ttl":-5})"),
        job(R"("policy":{"ttl":1.5})"),
        job(R"("policy":{"ttl":"365d"})"),
        job(R"("policy":{"execution_timeout":"8d"})"),
        job(R"("policy":{"start_within":99999999999999999999})"),
        job(R"("policy":{"max_attempts":0})"),
        job(R"("policy":{"max_attempts":"3"})"),
        job(R"("policy":{"max_attempts":101})"),
        job(R"("policy":{"ttl":"1h","ttl":"2h"})"),
        job(R"("run_at":"tomorrow")"),
        job(R"("run_at":1760000000000)"),
        job(R"("run_at":1e300)"),
        job(R"("run_at":-1)"),
        job(R"("run_at":"2025-12-24T18:00:00")"),
        job(R"("run_at":"2025-12-24")"),
        job(R"("run_at":"2026-02-30T00:00:00Z")"),
        job(R"("run_at":true)"),
        job(R"("run_at":{})"),
        job(R"("run_at":"2050-01-01T00:00:00Z")"),
    };
}

std::vector<std::string> bodies() {
    return {
        "",
        "   ",
        "hello",
        "[]",
        "\"text\"",
        "null",
        R"({"model":"m","input":{})",
        R"({"model":"m",})",
        "{\"model\":\"m\",\n \"input\": {\"prompt\": 'hi'}}",
        "{\"model\":\"m\",\"input\":{\"prompt\":\"\xFF\"}}",
        R"({"model":"m","input":{"prompt":"\u0000"}})",
        R"({"model":"m","input":{"prompt":"\ud800"}})",
        R"({"model":"m","input":{"n":1e999}})",
        fmt::format(R"({{"model":"m","input":{}{}}})", std::string(70, '['), std::string(70, ']')),
        "{}",
        R"({"model":"m"})",
        R"({"input":{}})",
        R"({"model":null,"input":{}})",
        R"({"model":7,"input":{}})",
        R"({"model":"","input":{}})",
        fmt::format(R"({{"model":"{}","input":{{}}}})", std::string(257, 'm')),
        R"({"model":"m","input":"write a poem"})",
        R"({"model":"m","input":["a"]})",
        R"({"model":"m","input":{},"model":"n"})",
        job(R"("priorty":"high")"),
        job(R"("xyzzy":1)"),
        R"({"model":"m","prompt":"hi"})",
        R"({"model":"m","messages":[{"role":"user","content":"hi"}]})",
        job(R"("max_tokens":5)"),
        job(R"("stream":true)"),
        job(R"("ttl":"1h")"),
        job(R"("timeout":30)"),
        job(R"("Delay":30)"),
        job(R"("id":"mine")"),
        job(R"("idempotency_key":"k")"),
        job(R"("webhook":"https://example.com")"),
        job(R"("priority":1)"),
        job(R"("priority":"urgent")"),
        job(R"("queue":true)"),
        job(R"("queue":"defualt")"),
        job(R"("metadata":[])"),
        job(R"("metadata":{"user":42})"),
        job(R"("metadata":{"k":"a","k":"b"})"),
        job(fmt::format(R"("metadata":{{{}}})", many_pairs(17))),
        job(fmt::format(R"("metadata":{{"{}":"v"}})", std::string(65, 'k'))),
        job(fmt::format(R"("metadata":{{"k":"{}"}})", std::string(513, 'v'))),
    };
}

std::string shown_body(std::string_view body) {
    constexpr std::size_t kShownMax = 80;
    std::string text;
    for (const char c : body.substr(0, kShownMax)) {
        if (c >= 0x20 && c < 0x7F)
            text += c;
        else
            text += fmt::format("\\x{:02X}", static_cast<unsigned char>(c));
    }
    return body.size() > kShownMax ? text + "..." : text;
}

TEST(RefusedSubmissions, SayWhatToChange) {
    const codec::ApiOptions options;
    const codec::SubmissionRules rules{
        options, {"default", "images"}, storage::DbTime(std::chrono::seconds(1760000000))};
    std::string text;
    auto all = bodies();
    for (auto& body : bodies_with_times()) all.push_back(std::move(body));
    for (const auto& body : all) {
        const auto submission = codec::decode_submission(body, rules);
        ASSERT_FALSE(submission.has_value()) << body;
        const auto& problem = submission.error();
        text += fmt::format("<{}>\n    {} [{}] {}\n", shown_body(body), info(problem.code).code,
                            problem.param, problem.detail);
    }
    EXPECT_EQ(text, golden::source_file("tests/golden/api/refused_submissions.txt"))
        << "if the change is meant, make this tests/golden/api/refused_submissions.txt:\n"
        << text;
}

TEST(AcceptedSubmissions, TreatNullAsAbsent) {
    const codec::ApiOptions options;
    const codec::SubmissionRules rules{options, {"default"}, {}};
    const auto submission = codec::decode_submission(
        R"({"model":"m","input":{},"queue":null,"priority":null,"policy":null,"metadata":null,
            "run_at":null})",
        rules);
    ASSERT_TRUE(submission.has_value()) << submission.error().detail;
    EXPECT_EQ(submission->spec.queue, "default");
    EXPECT_EQ(submission->spec.policy.attempts_max, options.attempts_default);
}

TEST(AcceptedSubmissions, AreNotScheduledIfAlreadyDue) {
    const codec::ApiOptions options;
    const codec::SubmissionRules rules{
        options, {"default"}, storage::DbTime(std::chrono::seconds(1760000000))};
    const auto submission =
        codec::decode_submission(R"({"model":"m","input":{},"run_at":1759999999})", rules);
    ASSERT_TRUE(submission.has_value());
    EXPECT_FALSE(submission->run_at);
}

}  // namespace
}  // namespace millrace::api

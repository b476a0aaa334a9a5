#include <gtest/gtest.h>

#include <fmt/format.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "tests/unit/backends/recording_sink.h"
#include "worker/backends/synthetic/behaviour.h"
#include "worker/backends/synthetic/synthetic_backend.h"

namespace millrace::backends::synthetic {
namespace {

using nlohmann::json;

JobOf job(const std::string& input) {
    return {.model = "synthetic", .input = input};
}
JobOf job_with(const std::string& behaviour, int attempt = 1) {
    return {.model = "synthetic",
            .input = fmt::format(R"({{"prompt":"a b c","synthetic":{}}})", behaviour),
            .attempt = attempt};
}

class Synthetic : public testing::Test {
 protected:
    void start(SyntheticOptions options = {}) {
        backend_ = std::make_unique<SyntheticBackend>(std::move(options));
        ASSERT_TRUE(backend_->start(sink_).has_value());
    }
    Outcome outcome_of(const JobOf& job) { return sink_.outcome(run_one(*backend_, job)); }

    RecordingSink sink_;
    std::unique_ptr<SyntheticBackend> backend_;  // Stopped before the sink goes.
};

TEST_F(Synthetic, AnswersInTheShapeOfTheInput) {
    start();
    const auto text = outcome_of(job(R"({"prompt":"a b c"})"));
    ASSERT_EQ(text.kind, OutcomeKind::kCompleted);
    const auto completion = json::parse(text.output_json);
    EXPECT_EQ(completion["object"], "text_completion");
    EXPECT_EQ(completion["model"], "synthetic");
    EXPECT_FALSE(completion["choices"][0]["text"].get<std::string>().empty());
    EXPECT_EQ(completion["usage"]["prompt_tokens"], 3);
    EXPECT_EQ(text.usage.prompt_tokens, 3);

    const auto chat = outcome_of(job(R"({"messages":[{"role":"user","content":"a"}]})"));
    EXPECT_EQ(json::parse(chat.output_json)["object"], "chat.completion");

    const auto vectors = outcome_of(job(R"({"input":["a","b"]})"));
    EXPECT_EQ(json::parse(vectors.output_json)["data"].size(), 2U);
}

TEST_F(Synthetic, AnswersTheSameInputWithTheSameText) {
    start();
    const auto text = [&](const std::string& prompt) {
        const auto outcome = outcome_of(job(fmt::format(R"({{"prompt":"{}"}})", prompt)));
        return json::parse(outcome.output_json)["choices"][0]["text"].get<std::string>();
    };
    const auto first = text("a");
    EXPECT_EQ(text("a"), first);
    EXPECT_NE(text("b"), first);
    start({.seed = 2});
    EXPECT_NE(text("a"), first);
}

TEST_F(Synthetic, CutsTheTextAtMaxTokens) {
    start();
    const auto outcome = outcome_of(job(R"({"prompt":"a","max_tokens":2})"));
    const auto completion = json::parse(outcome.output_json);
    EXPECT_EQ(completion["choices"][0]["finish_reason"], "length");
    EXPECT_EQ(outcome.usage.completion_tokens, 2);
}

TEST_F(Synthetic, MakesAnOutputOfTheLengthAskedFor) {
    start();
    const auto outcome = outcome_of(job_with(R"({"output_bytes":1000})"));
    EXPECT_EQ(json::parse(outcome.output_json)["choices"][0]["text"].get<std::string>().size(),
              1000U);
}

TEST_F(Synthetic, ShowsPartialsThatMakeUpTheText) {
    start();
    const auto key = run_one(*backend_, job_with(R"({"ms":20,"partials":5,"output_bytes":99})"));
    const auto outcome = sink_.outcome(key);
    const auto record = sink_.record(key);
    EXPECT_EQ(record.partials.size(), 5U);
    EXPECT_EQ(record.text, json::parse(outcome.output_json)["choices"][0]["text"]);
}

TEST_F(Synthetic, FailsTheRequestedAttempts) {
    start();
    EXPECT_EQ(outcome_of(job_with(R"({"fail":"retryable"})")).kind, OutcomeKind::kRetryable);
    EXPECT_EQ(outcome_of(job_with(R"({"fail":"retryable"})", 9)).kind, OutcomeKind::kRetryable);
    EXPECT_EQ(outcome_of(job_with(R"({"fail":"permanent"})")).kind, OutcomeKind::kPermanent);
    const std::string twice = R"({"fail":"retryable","fail_attempts":2})";
    EXPECT_EQ(outcome_of(job_with(twice, 2)).kind, OutcomeKind::kRetryable);
    EXPECT_EQ(outcome_of(job_with(twice, 3)).kind, OutcomeKind::kCompleted);
}

TEST_F(Synthetic, RefusesFaultsThatHarmOthersUnlessTheyAreAllowed) {
    start();
    for (const auto* fault : {"crash", "hang"}) {
        const auto outcome = outcome_of(job_with(fmt::format(R"({{"fail":"{}"}})", fault)));
        EXPECT_EQ(outcome.error_code, "invalid_input");
        EXPECT_NE(outcome.error_message.find("backend.synthetic.faults"), std::string::npos);
    }
}

TEST_F(Synthetic, RefusesBehaviourItDoesNotKnow) {
    start();
    const std::vector<std::pair<std::string, std::string>> cases{
        {R"({"sleep":1})", "synthetic.sleep"},
        {R"({"ms":"1"})", "synthetic.ms"},
        {R"({"ms":-1})", "synthetic.ms"},
        {R"({"ms":1.5})", "synthetic.ms"},
        {R"({"fail":"maybe"})", "synthetic.fail"},
        {R"({"fail_attempts":"x"})", "synthetic.fail_attempts"},
        {R"({"output_bytes":true})", "synthetic.output_bytes"},
        {R"({"partials":null})", "synthetic.partials"},
        {R"("fast")", "'synthetic'"},
    };
    for (const auto& [behaviour, part] : cases) {
        const auto outcome = outcome_of(job_with(behaviour));
        EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent) << behaviour;
        EXPECT_EQ(outcome.error_code, "invalid_input") << behaviour;
        EXPECT_NE(outcome.error_message.find(part), std::string::npos) << outcome.error_message;
    }
    EXPECT_EQ(outcome_of(job("nonsense")).kind, OutcomeKind::kPermanent);
}

TEST_F(Synthetic, EndsABatchWithItsSlowestJob) {
    start({.base = std::chrono::milliseconds(5), .per_item = std::chrono::milliseconds(1)});
    std::vector<Execution> batch;
    batch.push_back(make_execution(job(R"({"prompt":"a"})")));
    batch.push_back(make_execution(job_with(R"({"ms":30})")));
    const auto quick = batch[0].job.key;
    const auto slow = batch[1].job.key;
    const auto before = system_clock().now();
    backend_->run(std::move(batch));
    EXPECT_EQ(sink_.outcome(quick).kind, OutcomeKind::kCompleted);
    EXPECT_EQ(sink_.outcome(slow).kind, OutcomeKind::kCompleted);
    EXPECT_GE(system_clock().now() - before, milliseconds(5 + 2 + 30));
}

TEST_F(Synthetic, KeepsJobsOfDifferentKindsAndLengthsApart) {
    start();
    const auto key = [&](const std::string& input) {
        return backend_->batch_key({{.model = "synthetic"}, input, {}});
    };
    const auto plain = key(R"({"prompt":"a"})");
    EXPECT_EQ(key(R"({"prompt":"b","synthetic":{}})"), plain);
    const auto slow = key(R"({"prompt":"a","synthetic":{"ms":60000}})");
    EXPECT_NE(slow, plain);
    EXPECT_EQ(key(R"({"prompt":"b","synthetic":{"ms":60000}})"), slow);
    EXPECT_NE(key(R"({"prompt":"b","synthetic":{"ms":1}})"), slow);
    EXPECT_NE(key(R"({"prompt":"b","synthetic":{"ms":60000,"fail":"hang"}})"), slow);
    EXPECT_EQ(key("nonsense \"synthetic\""), plain);
    const auto square = key(R"({"prompt":"a","synthetic":{"shape":"1:1"}})");
    EXPECT_NE(square, plain);
    EXPECT_NE(key(R"({"prompt":"a","synthetic":{"shape":"4:3"}})"), square);
    const auto text = [](std::size_t length) {
        return R"({"prompt":")" + std::string(length, 'x') + "\"}";
    };
    EXPECT_EQ(key(text(200)), plain);
    EXPECT_NE(key(text(600)), plain);
    EXPECT_EQ(key(text(600)), key(text(900)));
    EXPECT_NE(key(text(600)), key(text(1100)));
}

TEST_F(Synthetic, AbortsAtOnceForEachReason) {
    start({.has_faults = true});
    const std::vector<std::pair<AbortReason, OutcomeKind>> cases{
        {AbortReason::kCancelled, OutcomeKind::kCancelled},
        {AbortReason::kDeadline, OutcomeKind::kTimeout},
        {AbortReason::kInterrupted, OutcomeKind::kInterrupted},
        {AbortReason::kPreempted, OutcomeKind::kInterrupted},
    };
    for (const auto* behaviour : {R"({"ms":3600000})", R"({"fail":"hang"})"}) {
        for (const auto& [reason, kind] : cases) {
            const auto key = run_one(*backend_, job_with(behaviour));
            backend_->abort(key, reason);
            EXPECT_EQ(sink_.outcome(key).kind, kind);
        }
    }
}

TEST_F(Synthetic, EndsAtTheDeadline) {
    start({.has_faults = true});
    for (const auto* behaviour : {R"({"ms":3600000,"partials":3})", R"({"fail":"hang"})"}) {
        auto late = job_with(behaviour);
        late.deadline = milliseconds(10);
        EXPECT_EQ(outcome_of(late).kind, OutcomeKind::kTimeout);
    }
}

TEST_F(Synthetic, AHangDelaysNoOtherJobOfItsBatch) {
    start({.has_faults = true});
    std::vector<Execution> batch;
    batch.push_back(make_execution(job_with(R"({"fail":"hang"})")));
    batch.push_back(make_execution(job(R"({"prompt":"a"})")));
    const auto hung = batch[0].job.key;
    const auto other = batch[1].job.key;
    backend_->run(std::move(batch));
    EXPECT_EQ(sink_.outcome(other).kind, OutcomeKind::kCompleted);
    EXPECT_TRUE(sink_.record(hung).outcomes.empty());
}

TEST_F(Synthetic, InterruptsRunningJobsWhenStopped) {
    start();
    const auto key = run_one(*backend_, job_with(R"({"ms":3600000})"));
    backend_->stop();
    EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kInterrupted);
    const auto later = run_one(*backend_, job(R"({"prompt":"a"})"));
    EXPECT_EQ(sink_.outcome(later).kind, OutcomeKind::kInterrupted);
    backend_->stop();
}

TEST_F(Synthetic, TakesTheNextBatchFromWithinFinished) {
    constexpr std::size_t kJobs = 1000;
    std::size_t started = 1;
    sink_.on_finished = [&](const AttemptKey&) {
        if (started++ < kJobs) run_one(*backend_, job(R"({"prompt":"a"})"));
    };
    start();
    run_one(*backend_, job(R"({"prompt":"a"})"));
    sink_.wait_for_finished(kJobs);
    backend_->stop();  // The last call of on_finished uses what ends here.
}

TEST(SyntheticDeathTest, CrashKillsTheProcess) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_EXIT(
        {
            RecordingSink sink;
            SyntheticBackend backend({.has_faults = true});
            if (backend.start(sink).has_value()) {
                sink.outcome(run_one(backend, job_with(R"({"fail":"crash"})")));
            }
        },
        testing::KilledBySignal(SIGKILL), "");
}

}  // namespace
}  // namespace millrace::backends::synthetic

// A preempted job continues where it was when it comes back.
#include "tests/integration/backends/llama_fixture.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

class LlamaResume : public LlamaFixture {
 protected:
    explicit LlamaResume(const llama::LlamaOptions& changed = options()) : LlamaFixture(changed) {}

    // Runs the job until some text has come, then preempts it.
    AttemptKey run_until_preempted(const std::string& input) {
        const auto key = run(input);
        sink_.wait_for_partial(key);
        backend_.abort(key, AbortReason::kPreempted);
        const auto outcome = sink_.outcome(key);
        EXPECT_EQ(outcome.kind, OutcomeKind::kInterrupted);
        EXPECT_EQ(outcome.error_code, "preempted");
        return key;
    }
    // Fills every sequence with other jobs.
    void take_all_sequences() {
        std::vector<AttemptKey> keys;
        for (int i = 0; i < kSlots; ++i) {
            keys.push_back(run(chat(fmt::format("Write about the number {}.", i))));
        }
        for (const auto& key : keys) {
            EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kCompleted);
        }
    }
    AttemptKey run_again(const AttemptKey& key, const std::string& input) {
        auto execution = make_execution({.model = "m", .input = input});
        execution.job.key = {key.job, key.epoch + 1};
        backend_.run({execution});
        return execution.job.key;
    }
    std::uint64_t computed() const { return backend_.stats().prompt_tokens_computed; }
};

std::string story(const json& more = json::object()) {
    json parameters{{"seed", 5}, {"temperature", 1.2}, {"max_tokens", 30}, {"ignore_eos", true}};
    parameters.update(more);
    return chat("Tell a long story about a " + words(60), parameters);
}

TEST_F(LlamaResume, ContinuesAsIfItHadNotBeenInterrupted) {
    outcome_of(story());  // Leaves its prompt behind, so that later jobs compute the same.
    const auto uninterrupted = outcome_of(story());
    const auto key = run_until_preempted(story());
    const auto before = backend_.stats();
    const auto again = run_again(key, story());
    const auto outcome = sink_.outcome(again);
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    EXPECT_EQ(text_of(outcome), text_of(uninterrupted));
    EXPECT_EQ(outcome.usage.completion_tokens, 30);
    EXPECT_EQ(outcome.usage.prompt_tokens, uninterrupted.usage.prompt_tokens);
    EXPECT_EQ(backend_.stats().prompt_tokens_computed, before.prompt_tokens_computed);
    EXPECT_LT(backend_.stats().tokens_generated - before.tokens_generated, 30U);
}

TEST_F(LlamaResume, RepeatsItsTextForTheReadersOfTheNewAttempt) {
    const auto key = run_until_preempted(story());
    const auto said = sink_.record(key).text;
    const auto again = run_again(key, story());
    const auto outcome = sink_.outcome(again);
    const auto record = sink_.record(again);
    EXPECT_EQ(record.partials.front(), said);
    EXPECT_EQ(record.text, text_of(outcome));
}

TEST_F(LlamaResume, ResumesAfterItsSequenceIsEvicted) {
    outcome_of(story());
    const auto uninterrupted = text_of(outcome_of(story()));
    const auto key = run_until_preempted(story());
    take_all_sequences();
    const auto before = computed();
    const auto outcome = sink_.outcome(run_again(key, story()));
    EXPECT_EQ(text_of(outcome), uninterrupted);
    EXPECT_EQ(computed(), before);
}

TEST_F(LlamaResume, KeepsToItsGrammar) {
    const auto input =
        story({{"response_format",
                {{"type", "json_schema"},
                 {"json_schema",
                  {{"schema",
                    {{"type", "array"},
                     {"items", {{"type", "string"}, {"minLength", 20}, {"maxLength", 30}}},
                     {"minItems", 2},
                     {"maxItems", 2}}}}}}},
               {"ignore_eos", false}});
    const auto key = run_until_preempted(input);
    take_all_sequences();
    const auto outcome = sink_.outcome(run_again(key, input));
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    EXPECT_EQ(json::parse(text_of(outcome)).size(), 2U) << text_of(outcome);
}

TEST_F(LlamaResume, ForgetsTheOldestBeyondItsNumberOfSequences) {
    const auto oldest = run_until_preempted(story());
    for (int i = 0; i < kSlots; ++i) run_until_preempted(story({{"seed", i}}));
    const auto before = backend_.stats().tokens_generated;
    EXPECT_EQ(sink_.outcome(run_again(oldest, story())).kind, OutcomeKind::kCompleted);
    EXPECT_EQ(backend_.stats().tokens_generated - before, 30U);
}

class LlamaResumeUnsaved : public LlamaResume {
 protected:
    LlamaResumeUnsaved() : LlamaResume(nothing_saved()) {}

    static llama::LlamaOptions nothing_saved() {
        auto unsaved = options();
        unsaved.saved_bytes_max = 0;
        return unsaved;
    }
};

TEST_F(LlamaResumeUnsaved, RecomputesWhatCouldNotBeSaved) {
    const auto key = run_until_preempted(story());
    const auto said = sink_.record(key).text;
    take_all_sequences();
    const auto before = computed();
    const auto outcome = sink_.outcome(run_again(key, story()));
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    EXPECT_TRUE(text_of(outcome).starts_with(said));
    EXPECT_EQ(outcome.usage.completion_tokens, 30);
    EXPECT_GT(computed(), before);
}

}  // namespace
}  // namespace millrace::backends

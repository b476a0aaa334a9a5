// How the llama backend reads prompts: what it does not compute again, and in which order it reads.
#include <algorithm>

#include "tests/integration/backends/llama_fixture.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

class LlamaPrompt : public LlamaFixture {};

TEST_F(LlamaPrompt, ComputesOnlyWhatIsNewInAPrompt) {
    const auto prefix = words(200);
    const auto computed = [&](const std::string& question) {
        const auto before = backend_.stats().prompt_tokens_computed;
        const auto outcome = outcome_of(chat(prefix + question, {{"max_tokens", 1}}));
        EXPECT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
        return backend_.stats().prompt_tokens_computed - before;
    };
    EXPECT_GT(computed("How long is it?"), 200U);
    EXPECT_LT(computed("How wide is it?"), 30U);
    EXPECT_GT(backend_.stats().prompt_tokens_reused, 190U);
}

TEST_F(LlamaPrompt, CopiesAPrefixFromAJobThatStillRuns) {
    const auto completion = [](const std::string& prompt, int max_tokens) {
        return json{{"prompt", prompt}, {"max_tokens", max_tokens}, {"temperature", 0}}.dump();
    };
    // A text that has repeated itself two hundred times goes on forever.
    const auto running = run(completion(words(200), 250));
    sink_.wait_for_partial(running);
    const auto before = backend_.stats().prompt_tokens_computed;
    const auto outcome = outcome_of(completion(words(200) + "How wide is it?", 4));
    EXPECT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    EXPECT_LT(backend_.stats().prompt_tokens_computed - before, 30U);
    backend_.abort(running, AbortReason::kCancelled);
    EXPECT_EQ(sink_.outcome(running).kind, OutcomeKind::kCancelled);
}

TEST_F(LlamaPrompt, ComputesTheSharedPrefixOfSimultaneousJobsOnce) {
    const auto before = backend_.stats();
    std::vector<JobOf> jobs;
    for (int i = 0; i < kSlots; ++i) {
        jobs.push_back(
            {.model = "m",
             .input = chat(words(200) + fmt::format("Question {}?", i), {{"max_tokens", 2}})});
    }
    for (const auto& key : run_batch(backend_, jobs)) {
        EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kCompleted);
    }
    const auto after = backend_.stats();
    EXPECT_LT(after.prompt_tokens_computed - before.prompt_tokens_computed, 200U + kSlots * 20U);
    EXPECT_GT(after.prompt_tokens_reused - before.prompt_tokens_reused, (kSlots - 1) * 190U);
}

TEST_F(LlamaPrompt, RemembersMorePrefixesThanItHasSequences) {
    const auto prompt = [](int topic, const std::string& question) {
        std::string text;
        for (int i = 0; i < 25; ++i) text += fmt::format("{} ", topic);
        return chat(text + question, {{"max_tokens", 2}});
    };
    for (int topic = 0; topic < kSlots + 2; ++topic) outcome_of(prompt(topic, "How long is it?"));
    const auto before = backend_.stats().prompt_tokens_computed;
    for (int topic = 0; topic < kSlots + 2; ++topic) {
        const auto outcome = outcome_of(prompt(topic, "How wide is it?"));
        EXPECT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    }
    EXPECT_LT(backend_.stats().prompt_tokens_computed - before, (kSlots + 2U) * 20U);
}

// Runs steps of sixteen tokens, so that a prompt takes many.
class LlamaReading : public LlamaFixture {
 protected:
    LlamaReading() : LlamaFixture(small_steps()) {}

    static llama::LlamaOptions small_steps() {
        auto small = options();
        small.batch_tokens = 16;
        return small;
    }
    // Returns a job whose prompt has about this many tokens and shares none with those of other
    // topics.
    static JobOf job(const std::string& topic, int tokens, Priority priority) {
        std::string text;
        for (int i = 0; i < tokens; ++i) text += topic + " ";
        return {.model = "m",
                .input = json{{"prompt", text}, {"max_tokens", 1}}.dump(),
                .priority = priority};
    }
    // Returns the numbers of the jobs in the order of their ends.
    std::vector<std::size_t> order_of_ends(const std::vector<JobOf>& jobs) {
        const auto keys = run_batch(backend_, jobs);
        sink_.wait_for_finished(jobs.size());
        std::vector<std::size_t> order;
        for (const auto& key : sink_.ended()) {
            const auto found = std::find(keys.begin(), keys.end(), key);
            order.push_back(static_cast<std::size_t>(found - keys.begin()));
        }
        return order;
    }
};

TEST_F(LlamaReading, AnUrgentPromptOvertakesALongOne) {
    const auto order =
        order_of_ends({job("low", 120, Priority::kLow), job("normal", 40, Priority::kNormal),
                       job("high", 40, Priority::kHigh)});
    EXPECT_EQ(order, (std::vector<std::size_t>{2, 1, 0}));
}

TEST_F(LlamaReading, MoreUrgentPromptsStopNoPrompt) {
    const auto order =
        order_of_ends({job("low", 20, Priority::kLow), job("first", 130, Priority::kHigh),
                       job("second", 130, Priority::kHigh), job("third", 130, Priority::kHigh)});
    ASSERT_EQ(order.size(), 4U);
    EXPECT_NE(order.back(), 0U);
}

}  // namespace
}  // namespace millrace::backends

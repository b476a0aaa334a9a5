// How many jobs the library computes at a time.
#include <string>
#include <vector>

#include "tests/integration/backends/llama_fixture.h"
#include "worker/backends/llama/sequences.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

class LlamaBatch : public LlamaFixture {
 protected:
    // Continues a count from `first` + 10, which requires what came before.
    static std::string counting(int first, int max_tokens) {
        std::string prompt;
        for (int i = 0; i < 10; ++i) prompt += fmt::format("{}, ", first + i);
        prompt.pop_back();
        return json{{"prompt", prompt},
                    {"max_tokens", max_tokens},
                    {"temperature", 0},
                    {"ignore_eos", true}}
            .dump();
    }
    static std::string text_of(const Outcome& outcome) {
        return json::parse(outcome.output_json)["choices"][0]["text"];
    }
    // Returns the outcomes of jobs that start together and count from `first`, `first` + 100, and
    // so on.
    std::vector<Outcome> outcomes_of(int first, const std::vector<int>& max_tokens) {
        std::vector<JobOf> jobs;
        for (const int tokens : max_tokens) {
            jobs.push_back({.model = "m", .input = counting(first, tokens)});
            first += 100;
        }
        std::vector<Outcome> outcomes;
        for (const auto& key : run_batch(backend_, jobs)) {
            outcomes.push_back(sink_.outcome(key));
            EXPECT_EQ(outcomes.back().kind, OutcomeKind::kCompleted);
        }
        return outcomes;
    }
    // Returns the runs beyond one for each step.
    std::uint64_t more_runs() const { return backend_.stats().runs - backend_.stats().steps; }
};

TEST_F(LlamaBatch, JobsRunTogetherWhateverTheOrderOfTheirSequences) {
    outcomes_of(100, {20, 14, 8, 2});  // The last sequence is freed first.
    const auto before = more_runs();
    outcomes_of(500, {10, 10, 10, 10});
    EXPECT_EQ(more_runs(), before);
}

TEST_F(LlamaBatch, JobsThatStandApartAreMovedTogether) {
    const auto before = more_runs();
    const auto outcomes = outcomes_of(100, {60, 2, 60, 2});
    EXPECT_LT(more_runs() - before, static_cast<std::uint64_t>(llama::kStepsApart));
    EXPECT_NE(text_of(outcomes[0]).find(" 119, 120, 121,"), std::string::npos)
        << text_of(outcomes[0]);
    EXPECT_NE(text_of(outcomes[2]).find(" 319, 320, 321,"), std::string::npos)
        << text_of(outcomes[2]);
}

}  // namespace
}  // namespace millrace::backends

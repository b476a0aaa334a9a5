#include <fmt/format.h>

#include "bench/llama_backend/bench.h"

namespace millrace::bench {

// Runs what llama_direct runs: the same prompts, limits and context for each sequence. The prompts
// share no beginning that is worth copying, so nothing is computed less often here.
void throughput(const Arguments& arguments, int sequences) {
    constexpr int kTokens = 64;
    constexpr int kContextPerSequence = 1024;
    ClosedLoop loop;
    const auto backend = started({.model_path = arguments.model,
                                  .slots = sequences,
                                  .context_tokens = sequences * kContextPerSequence,
                                  .threads = arguments.threads,
                                  .chat_template = "chatml"},
                                 loop);
    std::vector<std::string> inputs;
    for (const auto& prompt : arguments.prompts) {
        inputs.push_back(chat(prompt, kTokens, static_cast<int>(inputs.size())));
    }
    const auto before = system_clock().now();
    const auto outcomes = loop.run(*backend, inputs, static_cast<std::size_t>(sequences));
    const std::chrono::duration<double> took = system_clock().now() - before;
    std::int64_t tokens = 0;
    for (const auto& outcome : outcomes) tokens += outcome.usage.completion_tokens.value_or(0);
    fmt::print("{:>10} {:>8} {:>8} {:>10}\n", "sequences", "tokens", "seconds", "tokens/s");
    fmt::print("{:>10} {:>8} {:>8.2f} {:>10.1f}\n", sequences, tokens, took.count(),
               static_cast<double>(tokens) / took.count());
}

}  // namespace millrace::bench

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>
#include <unordered_set>

#include "bench/llama_backend/bench.h"
#include "worker/backends/llama/engine.h"

namespace millrace::bench {
namespace {

constexpr int kPrefixes = 20;
constexpr int kPrefixWords = 180;
constexpr int kPrefixSlots = 8;
constexpr int kOutputTokens = 4;
constexpr std::array kWords{"river", "mill",  "stone", "flour", "wheel", "water", "bread",
                            "grain", "night", "light", "house", "field", "cloud", "green",
                            "early", "quiet", "heavy", "small", "north", "apple"};

std::string some_words(std::mt19937& random, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += std::string(kWords.at(random() % kWords.size())) + " ";
    return text;
}

// Returns prompts of a shared prefix and a question of their own, in an order that the seed
// decides.
std::vector<std::string> shuffled_texts(int jobs_per_prefix, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::string> texts;
    for (int prefix = 0; prefix < kPrefixes; ++prefix) {
        const auto beginning = some_words(random, kPrefixWords);
        for (int job = 0; job < jobs_per_prefix; ++job) {
            texts.push_back(beginning + "Question: " + some_words(random, 10));
        }
    }
    std::shuffle(texts.begin(), texts.end(), random);
    return texts;
}

struct Counts {
    std::size_t all = 0;
    std::size_t fewest = 0;  // Each beginning computed once, and the last token of each prompt.
};

Counts count_tokens(const backends::llama::LlamaEngine& engine,
                    const std::vector<std::string>& texts) {
    Counts counts;
    std::unordered_set<std::uint64_t> seen;  // Hashes of beginnings.
    for (const auto& text : texts) {
        const auto tokens = engine.tokenize(engine.apply_template({{"user", text}}));
        counts.all += tokens.size();
        std::uint64_t hash = 14695981039346656037U;
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            hash = (hash ^ static_cast<std::uint64_t>(tokens[i])) * 1099511628211U;
            const bool is_new = seen.insert(hash).second;
            if (is_new || i + 1 == tokens.size()) ++counts.fewest;
        }
    }
    return counts;
}

}  // namespace

void prefix(const Arguments& arguments, int jobs_per_prefix, std::size_t saved_mib) {
    auto engine = backends::llama::LlamaEngine::load({.model_path = arguments.model,
                                                      .context_tokens = 256,
                                                      .batch_tokens = 16,
                                                      .threads = 1,
                                                      .chat_template = "chatml"});
    if (!engine.has_value()) std::exit(1);
    fmt::print("{} prefixes x {} jobs, {} slots, {} MiB saved at most\n", kPrefixes,
               jobs_per_prefix, kPrefixSlots, saved_mib);
    fmt::print("{:>4} {:>12} {:>12} {:>12} {:>10} {:>8}\n", "run", "all tokens", "fewest",
               "computed", "of fewest", "seconds");
    for (int run = 0; run < arguments.runs; ++run) {
        const auto texts = shuffled_texts(jobs_per_prefix, static_cast<unsigned>(run));
        const auto counts = count_tokens(**engine, texts);
        std::vector<std::string> inputs;
        for (const auto& text : texts) inputs.push_back(chat(text, kOutputTokens, 1));
        ClosedLoop loop;
        const auto backend = started({.model_path = arguments.model,
                                      .slots = kPrefixSlots,
                                      .context_tokens = kPrefixSlots * 512,
                                      .saved_bytes_max = saved_mib << 20,
                                      .threads = arguments.threads,
                                      .chat_template = "chatml"},
                                     loop);
        const auto before = system_clock().now();
        loop.run(*backend, inputs, kPrefixSlots);
        const std::chrono::duration<double> took = system_clock().now() - before;
        const auto computed = backend->stats().prompt_tokens_computed;
        fmt::print("{:>4} {:>12} {:>12} {:>12} {:>10.3f} {:>8.1f}\n", run, counts.all,
                   counts.fewest, computed,
                   static_cast<double>(computed) / static_cast<double>(counts.fewest),
                   took.count());
        std::fflush(stdout);
    }
}

}  // namespace millrace::bench

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "bench/llama_backend/bench.h"
#include "bench/load/quantile.h"

namespace millrace::bench {
namespace {

constexpr int kSlots = 8;
constexpr int kContextPerSequence = 2048;

struct Times {
    std::vector<double> ms;
    std::vector<double> steps;
};

void print(std::string_view what, const Times& times) {
    fmt::print("{:<44} {:>8.1f} {:>8.1f} {:>8.0f}\n", what, median(times.ms),
               *std::max_element(times.ms.begin(), times.ms.end()),
               *std::max_element(times.steps.begin(), times.steps.end()));
}

// Aborts a job that generates while all other sequences are busy; `reading` of those read a prompt
// of 1500 words.
Times measure(const Arguments& arguments, int reading) {
    Times times;
    std::mt19937 random(1);
    ClosedLoop loop;
    const auto backend = started({.model_path = arguments.model,
                                  .slots = kSlots,
                                  .context_tokens = kSlots * kContextPerSequence,
                                  .saved_bytes_max = 0,
                                  .threads = arguments.threads,
                                  .chat_template = "chatml"},
                                 loop);
    for (int run = 0; run < arguments.runs; ++run) {
        std::vector<AttemptKey> keys;
        for (int i = 0; i < kSlots - reading; ++i) {
            keys.push_back(loop.start(*backend, chat(arguments.prompts[0], 1000, i, true)));
        }
        for (const auto& key : keys) loop.wait_for_partials(key, 1);
        for (int i = 0; i < reading; ++i) {
            std::string text = fmt::format("{} ", run * kSlots + i);
            for (int word = 0; word < 1500; ++word) text += "river ";
            keys.push_back(loop.start(*backend, chat(text, 1000, i, true)));
        }
        // The abort comes in the middle of the reading, if a job reads, and at any point of a step.
        loop.wait_for_partials(keys.front(), 2);
        loop.watch(keys.front(), milliseconds(random() % 250));
        const auto steps_before = backend->stats().steps;
        const auto before = system_clock().now();
        backend->abort(keys.front(), backends::AbortReason::kCancelled);
        const auto ended = loop.wait_until_ended(keys.front());
        times.ms.push_back(
            std::chrono::duration<double, std::milli>(ended.ended_at - before).count());
        times.steps.push_back(static_cast<double>(backend->stats().steps - steps_before));
        for (const auto& key : keys) backend->abort(key, backends::AbortReason::kCancelled);
        for (const auto& key : keys) loop.wait_until_ended(key);
    }
    return times;
}

}  // namespace

void abort_time(const Arguments& arguments) {
    fmt::print("{:<44} {:>8} {:>8} {:>8}\n", "abort until the slot is free", "ms", "ms, max",
               "steps, max");
    print("8 jobs generate", measure(arguments, 0));
    print("6 jobs generate, 2 read prompts of 1500 tokens", measure(arguments, 2));
}

}  // namespace millrace::bench

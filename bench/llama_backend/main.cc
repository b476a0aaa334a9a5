// Measures the llama backend by itself, called directly.
//
//   llama_backend_bench MODEL.gguf PROMPTS.txt THREADS throughput SEQUENCES
//   llama_backend_bench MODEL.gguf PROMPTS.txt THREADS prefix [RUNS [JOBS_PER_PREFIX [SAVED_MIB]]]
//   llama_backend_bench MODEL.gguf PROMPTS.txt THREADS abort [RUNS]
//
// THREADS 0: one for each processor
// throughput: tokens per second with this many jobs at once, to compare with llama_direct
// prefix:     prompt tokens computed where 20 prompts are shared, against the fewest possible
// abort:      how long an abort takes until the slot is free
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/llama_backend/bench.h"
#include "common/base/random.h"
#include "common/base/uuid.h"

namespace millrace::bench {

namespace {

[[noreturn]] void fail(const std::string& message) {
    fmt::print(stderr, "llama_backend_bench: {}\n", message);
    std::exit(1);
}

}  // namespace

void ClosedLoop::partial(const AttemptKey& key, std::string_view) {
    const std::lock_guard lock(mutex_);
    ++records_[key].partials;
    changed_.notify_all();
}

void ClosedLoop::finished(const AttemptKey& key, Outcome outcome) {
    const std::lock_guard lock(mutex_);
    auto& record = records_[key];
    record.ended = true;
    record.ended_at = system_clock().now();
    record.outcome = std::move(outcome);
    --running_;
    changed_.notify_all();
}

AttemptKey ClosedLoop::start(backends::Backend& backend, const std::string& input_json) {
    static UuidGenerator ids(system_random());
    backends::Execution execution;
    execution.job.key = {JobId(ids.next(milliseconds(1))), 1};
    execution.job.spec.input_json = input_json;
    execution.deadline = MonoTime::max();
    const auto key = execution.job.key;
    {
        const std::lock_guard lock(mutex_);
        ++running_;
        records_[key];
    }
    backend.run({std::move(execution)});
    return key;
}

std::vector<Outcome> ClosedLoop::run(backends::Backend& backend,
                                     const std::vector<std::string>& inputs, std::size_t at_once) {
    std::vector<AttemptKey> keys;
    for (const auto& input : inputs) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return running_ < at_once; });
        }
        keys.push_back(start(backend, input));
    }
    std::vector<Outcome> outcomes;
    for (const auto& key : keys) outcomes.push_back(wait_until_ended(key).outcome);
    return outcomes;
}

void ClosedLoop::wait_for_partials(const AttemptKey& key, std::size_t more) {
    std::unique_lock lock(mutex_);
    const auto& record = records_[key];
    const auto enough = record.partials + more;
    changed_.wait(lock, [&] { return record.partials >= enough || record.ended; });
}

ClosedLoop::Record ClosedLoop::wait_until_ended(const AttemptKey& key) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return records_[key].ended; });
    return records_[key];
}

void ClosedLoop::watch(const AttemptKey& key, milliseconds at_most) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, at_most, [&] { return records_[key].ended; });
}

std::unique_ptr<backends::llama::LlamaBackend> started(const backends::llama::LlamaOptions& options,
                                                       backends::ExecutionSink& sink) {
    auto backend = std::make_unique<backends::llama::LlamaBackend>(options);
    const auto status = backend->start(sink);
    if (!status.has_value()) fail(status.error().message);
    return backend;
}

std::string chat(const std::string& text, int max_tokens, int seed, bool to_the_end) {
    return nlohmann::json{{"messages", {{{"role", "user"}, {"content", text}}}},
                          {"max_tokens", max_tokens},
                          {"seed", seed},
                          {"ignore_eos", to_the_end}}
        .dump();
}

int run(int argc, char** argv) {
    if (argc < 5) fail("usage: MODEL.gguf PROMPTS.txt THREADS throughput|prefix|abort [NUMBERS]");
    Arguments arguments{.model = argv[1]};
    std::ifstream file(argv[2]);
    for (std::string line; std::getline(file, line);) {
        if (!line.empty()) arguments.prompts.push_back(line);
    }
    if (arguments.prompts.empty()) fail(fmt::format("no prompts in '{}'", argv[2]));
    const auto number = [&](int index, int absent) {
        const int given = argc > index ? std::atoi(argv[index]) : absent;
        if (given < 0) fail("numbers are 0 or more");
        return given;
    };
    arguments.threads = number(3, 0);
    const std::string what = argv[4];
    arguments.runs = number(5, 5);
    if (what == "throughput") {
        throughput(arguments, std::max(1, number(5, 16)));
    } else if (what == "prefix") {
        prefix(arguments, std::max(1, number(6, 50)), static_cast<std::size_t>(number(7, 512)));
    } else if (what == "abort") {
        abort_time(arguments);
    } else {
        fail("throughput, prefix or abort");
    }
    return 0;
}

}  // namespace millrace::bench

int main(int argc, char** argv) {
    return millrace::bench::run(argc, argv);
}

// Continuous batching: every decode step carries one token of each running job, and fills the rest
// of its batch with prompts that are still to be read. Jobs join and leave between two steps.
//
// Each job has one of the engine's sequences. A sequence keeps what it has computed when its job is
// over; a new job takes the free one that shares the longest beginning with its prompt (or copies
// that beginning from another sequence, where it is longer) and computes only the rest.
//
//   slot 0   [system prompt · question 1 · answer 1]           ← free: remembers
//   slot 1   [system prompt · question 2 · ans…                ← running
//   new job  [system prompt · question 3]                      → slot 0, computes "question 3" only
//
// Threads:   one caller at a time, but for stats().
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "worker/backends/backend.h"
#include "worker/backends/llama/engine.h"
#include "worker/backends/request.h"
#include "worker/backends/text_stream.h"

namespace millrace::worker {

// Since the start. Reused tokens of prompts were found in a sequence and not computed.
struct LlamaStats {
    std::uint64_t steps = 0;
    std::uint64_t prompt_tokens_computed = 0;
    std::uint64_t prompt_tokens_reused = 0;
    std::uint64_t tokens_generated = 0;
};

struct LlamaDecoderOptions {
    std::string model;  // As outputs name it.
    int output_tokens_default = 0;
    std::size_t output_bytes_max = 0;
};

class LlamaDecoder {
 public:
    LlamaDecoder(LlamaEngine& engine, int sequences, LlamaDecoderOptions options,
                 ExecutionSink& sink);

    // Gives the job a sequence; a prompt that does not fit is reported at once. Requires: fewer
    // jobs run than there are sequences.
    void begin(Execution execution, const ModelRequest& request);
    // Reports the attempt and frees its sequence. Unknown attempts are ignored.
    void end(const AttemptKey& key, AbortReason reason);
    void end_all(AbortReason reason);
    void end_late(MonoTime now);

    bool idle() const;
    // One decode step over everything that runs. Requires: !idle().
    void step();

    LlamaStats stats() const;

 private:
    struct Job {
        Execution execution;
        RequestKind kind;
        std::vector<Token> prompt;
        LlamaEngine::Sampler sampler;
        TextStream stream;
        std::int64_t output_tokens_max;
        std::uint64_t order;  // Of its arrival.
        std::string text;
        std::int64_t output_tokens = 0;
        Token next = 0;       // Sampled and not decoded yet; counts once the prompt is read.
        int sampled_at = -1;  // Index in the batch; -1: nothing to sample in this step.
    };
    struct Slot {
        int sequence = 0;
        std::vector<Token> memory;  // The tokens that the sequence remembers.
        std::uint64_t last_used = 0;
        std::optional<Job> job;

        bool reading() const { return memory.size() < job->prompt.size(); }
    };

    Slot& take_slot(const std::vector<Token>& prompt);
    void fill_batch();
    void read_prompt(Slot& slot);
    void take_token(Slot& slot);
    void complete(Slot& slot, std::string_view finish_reason);
    void report(Slot& slot, Outcome outcome);

    LlamaEngine& engine_;
    const LlamaDecoderOptions options_;
    ExecutionSink& sink_;
    std::vector<Slot> slots_;
    std::uint64_t jobs_ = 0;

    std::atomic<std::uint64_t> steps_{0};
    std::atomic<std::uint64_t> prompt_tokens_computed_{0};
    std::atomic<std::uint64_t> prompt_tokens_reused_{0};
    std::atomic<std::uint64_t> tokens_generated_{0};
};

}  // namespace millrace::worker

// Continuous batching: every decode step carries one token of each running job, and fills the rest
// of its batch with prompts that are still to be read. Jobs join and leave between two steps.
//
// Prompts are read in the order of their priority, then of their arrival. The oldest prompt has a
// part of each step in any case, so that none stands still. Jobs with a common beginning do not
// compute it twice: a new job waits while another reads the shared part, and gets a copy
// (sequences.h).
//
// A preempted job is set aside. When it comes back to this worker, under a higher epoch, it
// continues where it was, with its sampler in the same state. Its sequence may be taken meanwhile:
// what the sequence remembers is then saved, or computed again if there was no room for it. At most
// as many jobs are set aside as there are sequences; beyond that, the oldest is dropped and starts
// again from the beginning, as it would on another worker.
//
// A step carries only what takes about `step_time`: running jobs continue while a long prompt is
// read piece by piece, and aborts wait no longer than that.
//
// Threads:   one caller at a time, except stats().
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <vector>

#include "worker/backends/backend.h"
#include "worker/backends/llama/engine.h"
#include "worker/backends/llama/llama_request.h"
#include "worker/backends/llama/sampler.h"
#include "worker/backends/llama/sequences.h"
#include "worker/backends/llama/step_pace.h"
#include "worker/backends/text_stream.h"

namespace millrace::backends::llama {

// Totals since the start. Reused tokens were found in a sequence and not computed.
struct LlamaStats {
    std::uint64_t steps = 0;
    std::uint64_t runs = 0;  // The sum of LlamaEngine::runs() over all steps.
    std::uint64_t prompt_tokens_computed = 0;
    std::uint64_t prompt_tokens_reused = 0;
    std::uint64_t tokens_generated = 0;
};

struct LlamaDecoderOptions {
    std::string model;  // The name in outputs.
    int sequences = 1;
    int output_tokens_default = 0;
    std::size_t output_bytes_max = 0;
    milliseconds step_time{250};
    std::size_t saved_bytes_max = 0;  // For the saved memory of sequences; see sequences.h.
};

class LlamaDecoder {
 public:
    LlamaDecoder(LlamaEngine& engine, LlamaDecoderOptions options, ExecutionSink& sink);

    // If the model cannot run the job, for example because its prompt does not fit, reports that
    // immediately. If the job was set aside, repeats its earlier output in one partial. Requires:
    // fewer jobs run than there are sequences.
    void begin(Execution execution, const LlamaRequest& request);
    // Reports the attempt and frees its sequence. Unknown attempts are ignored.
    void end(const AttemptKey& key, AbortReason reason);
    void end_all(AbortReason reason);
    void end_late(MonoTime now);

    bool idle() const { return jobs_.empty(); }
    // One decode step for all running jobs. Requires: !idle().
    void step();

    LlamaStats stats() const;

 private:
    struct Job {
        AttemptKey key;
        Priority priority;
        MonoTime deadline;
        std::uint64_t order;  // Of its arrival.
        RequestKind kind;
        std::vector<Token> tokens;  // The prompt, and the generated tokens.
        std::size_t prompt_tokens;
        std::int64_t output_tokens_max;
        LlamaSampler sampler;
        TextStream stream;
        std::string text;
        Sequence* sequence = nullptr;  // Set once the reading of its prompt begins.
        std::size_t added = 0;         // Tokens in this step; the sequence remembers them after it.
        int sampled_at = -1;           // Index in the batch; -1: nothing to sample in this step.

        std::size_t tokens_left() const { return tokens.size() - sequence->memory.size(); }
        std::int64_t output_tokens() const {
            return static_cast<std::int64_t>(tokens.size() - prompt_tokens);
        }
    };
    using JobAt = std::list<Job>::iterator;

    void set_aside(JobAt job);
    void resume(JobAt aside, const Execution& execution);

    void gather_sequences();
    void fill_batch();
    void read_prompts(const std::vector<Job*>& readers);
    bool take_sequence(Job& job, std::span<Job* const> earlier);
    void add_tokens(Job& job, int batch_size_max);
    void take_token(JobAt job);
    void complete(JobAt job, std::string_view finish_reason);
    void report(JobAt job, Outcome outcome);
    void fail_step();
    static void remember(Job& job);

    LlamaEngine& engine_;
    const LlamaDecoderOptions options_;
    ExecutionSink& sink_;
    Sequences sequences_;
    StepPace pace_;
    std::list<Job> jobs_;
    std::list<Job> aside_;  // The latest comes first.
    std::uint64_t arrivals_ = 0;

    std::atomic<std::uint64_t> steps_{0};
    std::atomic<std::uint64_t> runs_{0};
    std::atomic<std::uint64_t> prompt_tokens_computed_{0};
    std::atomic<std::uint64_t> prompt_tokens_reused_{0};
    std::atomic<std::uint64_t> tokens_generated_{0};
};

}  // namespace millrace::backends::llama

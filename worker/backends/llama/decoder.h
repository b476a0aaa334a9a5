// Continuous batching: every decode step carries one token of each running job, and fills the rest
// of its batch with prompts that are still to be read. Jobs join and leave between two steps.
//
// Prompts are read in the order of their priority, then of their arrival; the oldest has a part of
// each step in any case, so that none stands still. Jobs that begin alike do not compute the same
// twice: a new one waits while another reads what they share, and gets a copy (sequences.h).
//
// A job that is preempted is set aside: when it comes back to this worker, under a higher epoch, it
// goes on where it was, with its sampler as it stood. Its sequence may be taken meanwhile; what
// that remembers is saved, and computed again where it found no room. Those set aside first are
// dropped when there are more than sequences; such a job starts anew, as it does on another worker.
//
// A step carries no more than what takes about `step_time`: running jobs go on while a long prompt
// is read piece by piece, and aborts wait no longer than that.
//
// Threads:   one caller at a time, but for stats().
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

namespace millrace::worker {

// Since the start. Tokens that were reused were found in a sequence and not computed.
struct LlamaStats {
    std::uint64_t steps = 0;
    std::uint64_t runs = 0;  // As LlamaEngine::runs(), of all steps.
    std::uint64_t prompt_tokens_computed = 0;
    std::uint64_t prompt_tokens_reused = 0;
    std::uint64_t tokens_generated = 0;
};

struct LlamaDecoderOptions {
    std::string model;  // As outputs name it.
    int sequences = 1;
    int output_tokens_default = 0;
    std::size_t output_bytes_max = 0;
    milliseconds step_time{250};
    std::size_t saved_bytes_max = 0;  // Of what sequences remembered; see sequences.h.
};

class LlamaDecoder {
 public:
    LlamaDecoder(LlamaEngine& engine, LlamaDecoderOptions options, ExecutionSink& sink);

    // What the model cannot run is reported at once, such as a prompt that does not fit. What a job
    // had said before it was set aside is repeated in one partial. Requires: fewer jobs run than
    // there are sequences.
    void begin(Execution execution, const LlamaRequest& request);
    // Reports the attempt and frees its sequence. Unknown attempts are ignored.
    void end(const AttemptKey& key, AbortReason reason);
    void end_all(AbortReason reason);
    void end_late(MonoTime now);

    bool idle() const { return jobs_.empty(); }
    // One decode step over everything that runs. Requires: !idle().
    void step();

    LlamaStats stats() const;

 private:
    struct Job {
        AttemptKey key;
        Priority priority;
        MonoTime deadline;
        std::uint64_t order;  // Of its arrival.
        RequestKind kind;
        std::vector<Token> tokens;  // The prompt, and what was generated.
        std::size_t prompt_tokens;
        std::int64_t output_tokens_max;
        LlamaSampler sampler;
        TextStream stream;
        std::string text;
        Sequence* sequence = nullptr;  // From when its prompt is begun.
        std::size_t added = 0;         // Tokens in this step, which it remembers after it.
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
    std::list<Job> aside_;  // The one that was set aside last is the first.
    std::uint64_t arrivals_ = 0;

    std::atomic<std::uint64_t> steps_{0};
    std::atomic<std::uint64_t> runs_{0};
    std::atomic<std::uint64_t> prompt_tokens_computed_{0};
    std::atomic<std::uint64_t> prompt_tokens_reused_{0};
    std::atomic<std::uint64_t> tokens_generated_{0};
};

}  // namespace millrace::worker

// llama.cpp behind a small interface: a loaded model, one context with several sequences, and the
// batch of the next decode step. Only engine.cc, sampler.cc and library.cc include llama.h, so that
// a new version of the library affects nothing else.
//
// Each sequence has its own part of the context and its own memory. Therefore no sequence can use
// another's room, and a decode step always has room.
//
// Threads:   one caller at a time.
// Errors:    load only: kInvalidArgument (not a model this library can run, no such GPU),
//            kResourceExhausted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/backends/llama/llama_request.h"
#include "worker/backends/llama/sampler.h"
#include "worker/backends/llama/tokens.h"
#include "worker/backends/request.h"

namespace millrace::backends::llama {

struct LlamaEngineOptions {
    std::string model_path;
    int sequences = 1;
    int context_tokens = 0;     // Of all sequences together.
    int batch_tokens = 0;       // Of one decode step. >= sequences.
    int threads = 0;            // 0: one for each processor.
    std::string chat_template;  // See LlamaOptions.
    // The library's numbers of the GPUs to use; empty: all that it finds.
    std::vector<std::size_t> gpus;
};

class LlamaEngine {
 public:
    static Result<std::unique_ptr<LlamaEngine>> load(const LlamaEngineOptions& options);
    ~LlamaEngine();

    int context_per_sequence() const;
    int batch_tokens() const;

    // --- Text ---
    std::vector<Token> tokenize(std::string_view text) const;
    // The conversation in the format that the model was trained on, ready for the assistant's
    // answer.
    std::string apply_template(const std::vector<ChatMessage>& messages) const;
    // The bytes of a token; a character may be split over several tokens. Empty for control tokens.
    std::string piece(Token token) const;
    bool is_end(Token token) const;

    // --- What sequences remember ---
    // Forgets all but the first `count` tokens. Returns the number kept: `count`, or 0 if this kind
    // of model can only forget everything.
    std::size_t keep_prefix(int sequence, std::size_t count);
    // Replaces the memory of `to` with that of `from`.
    void copy(int from, int to);
    // The same for the first `count` tokens only. Returns as keep_prefix.
    std::size_t copy_prefix(int from, int to, std::size_t count);
    // Whether the next step has a copy to make. Until then nothing can be restored.
    bool copy_pending() const;

    std::size_t state_bytes(int sequence) const;
    // The whole memory of a sequence, for restore() into any sequence; size 0 if the library fails.
    SequenceState save(int sequence) const;
    // Returns false on failure; the sequence then remembers nothing. Requires: !copy_pending().
    bool restore(int sequence, std::span<const std::byte> state);

    // --- One decode step ---
    struct BatchToken {
        Token token;
        int sequence;
        std::size_t position;
        bool sampled;  // Whether a token will be sampled after it.
    };
    void clear_batch();
    // Returns the index in the batch, for sample(). Tokens of one sequence come in their order;
    // sequences in any order. Requires: fewer than batch_tokens() were added.
    int add(const BatchToken& token);
    int batch_size() const;
    // Returns false if the step failed; what its sequences remember is then undefined.
    bool decode();
    // The number of runs of consecutive sequences in the last step: a lower bound on full passes
    // over the weights.
    int runs() const;

    // As LlamaSampler::make().
    Result<LlamaSampler> make_sampler(const LlamaRequest& request, std::span<const Token> prompt,
                                      std::uint32_t seed) const;
    std::optional<Token> sample(LlamaSampler& sampler, int index);

 private:
    struct State;
    explicit LlamaEngine(std::unique_ptr<State> state);

    const std::unique_ptr<State> state_;
};

}  // namespace millrace::backends::llama

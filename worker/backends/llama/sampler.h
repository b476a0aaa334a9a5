// Chooses the tokens of one sequence: seeded, with a memory of its own (what was said, for
// penalties; where a grammar stands).//
// Threads:   one caller at a time.
// Errors:    make only: kInvalidArgument, with what is wrong in the parameters.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "common/base/result.h"
#include "worker/backends/llama/llama_request.h"
#include "worker/backends/llama/tokens.h"

struct llama_context;
struct llama_vocab;

namespace millrace::worker {

class LlamaSampler {
 public:
    // Absent parameters are llama.cpp's own defaults; `seed` counts where the job gives none, and
    // penalties look at the end of the prompt too.
    static Result<LlamaSampler> make(const llama_vocab* vocab, const LlamaRequest& request,
                                     std::span<const Token> prompt, std::uint32_t seed);
    LlamaSampler(LlamaSampler&&) noexcept;
    LlamaSampler& operator=(LlamaSampler&&) noexcept;
    ~LlamaSampler();

    // The token after the one at `index` of the batch that was decoded last; nothing where the
    // grammar leaves none.
    std::optional<Token> sample(llama_context* context, int index);

 private:
    struct State;
    explicit LlamaSampler(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

}  // namespace millrace::worker

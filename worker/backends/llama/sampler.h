// Chooses the tokens of one sequence. Seeded; keeps its own state (the previous tokens, for
// penalties; the position in a grammar).
//
// Threads:   one caller at a time.
// Errors:    make only: kInvalidArgument, which says which parameter is wrong.
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

namespace millrace::backends::llama {

class LlamaSampler {
 public:
    // Absent parameters have llama.cpp's defaults. `seed` applies if the job gives none. Penalties
    // include the end of the prompt.
    static Result<LlamaSampler> make(const llama_vocab* vocab, const LlamaRequest& request,
                                     std::span<const Token> prompt, std::uint32_t seed);
    LlamaSampler(LlamaSampler&&) noexcept;
    LlamaSampler& operator=(LlamaSampler&&) noexcept;
    ~LlamaSampler();

    // Returns the token after the one at `index` of the last decoded batch; nothing if the grammar
    // allows none.
    std::optional<Token> sample(llama_context* context, int index);

 private:
    struct State;
    explicit LlamaSampler(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

}  // namespace millrace::backends::llama

// A job as the llama backend can run it: the request that all backends share, and the parameters of
// this one. An unknown parameter that would change the output is refused, not ignored.
//
// The names are OpenAI's, and llama.cpp's where OpenAI has none.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/job/outcome.h"
#include "worker/backends/llama/tokens.h"
#include "worker/backends/request.h"

namespace millrace::backends::llama {

struct LlamaRequest {
    ModelRequest model;  // kChat or kCompletion.
    // Penalties look at this many tokens before the next, of prompt and output. >= 0.
    int repeat_last_n = 64;
    float repeat_penalty = 1;     // > 0
    float frequency_penalty = 0;  // [-2, 2]
    float presence_penalty = 0;   // [-2, 2]
    // Added to the logits of tokens, at most 300; -100 rules a token out.
    std::vector<std::pair<Token, float>> logit_bias;
    bool ignore_eos = false;  // Continues to max_tokens.
    std::string grammar;      // GBNF that the output follows; empty: any text.
};

// Returns the request, or the outcome that refuses it: invalid_input, unsupported_operation.
std::variant<LlamaRequest, Outcome> parse_llama_request(std::string_view input_json);

}  // namespace millrace::backends::llama

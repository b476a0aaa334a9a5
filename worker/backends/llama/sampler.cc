#include "worker/backends/llama/sampler.h"

#include <fmt/format.h>
#include <llama-cpp.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>
#include <vector>

#include "common/base/log.h"
#include "worker/backends/llama/library.h"

namespace millrace::backends::llama {
namespace {

// The defaults of llama.cpp's own programs (common/common.h).
constexpr float kTemperature = 0.8F;
constexpr float kTopP = 0.95F;
constexpr int kTopK = 40;
constexpr float kMinP = 0.05F;

Result<std::vector<llama_logit_bias>> biases(const llama_vocab* vocab,
                                             const LlamaRequest& request) {
    const auto size = llama_vocab_n_tokens(vocab);
    std::vector<llama_logit_bias> biases;
    for (const auto& [token, bias] : request.logit_bias) {
        if (token >= size) {
            return invalid(fmt::format(
                "'logit_bias' has the token {}; the model's tokens are below {}", token, size));
        }
        biases.push_back({token, bias});
    }
    for (llama_token token = 0; request.ignore_eos && token < size; ++token) {
        if (llama_vocab_is_eog(vocab, token)) biases.push_back({token, -INFINITY});
    }
    return biases;
}

bool has_penalties(const LlamaRequest& request) {
    return request.repeat_penalty != 1 || request.frequency_penalty != 0 ||
           request.presence_penalty != 0;
}

}  // namespace

struct LlamaSampler::State {
    llama_sampler_ptr chain;
    llama_sampler_ptr grammar;  // Null: any text.
    std::vector<llama_token_data> candidates;

    void add(llama_sampler* sampler) { llama_sampler_chain_add(chain.get(), sampler); }

    // All tokens, with the logits at that index.
    llama_token_data_array all_candidates(llama_context* context, int index) {
        const auto* vocab = llama_model_get_vocab(llama_get_model(context));
        const auto* logits = llama_get_logits_ith(context, index);
        candidates.resize(static_cast<std::size_t>(llama_vocab_n_tokens(vocab)));
        for (std::size_t i = 0; i < candidates.size(); ++i) {
            candidates[i] = {static_cast<llama_token>(i), logits[i], 0};
        }
        return {candidates.data(), candidates.size(), -1, false};
    }

    // The grammar is slow on a whole vocabulary. It checks the token that would be chosen without
    // it, and all tokens only if that one does not fit.
    std::optional<Token> sample_by_grammar(llama_context* context, int index) {
        auto all = all_candidates(context, index);
        llama_sampler_apply(chain.get(), &all);
        llama_token_data chosen{all.data[all.selected].id, 1, 0};
        llama_token_data_array one{&chosen, 1, -1, false};
        llama_sampler_apply(grammar.get(), &one);
        if (std::isinf(chosen.logit)) {
            all = all_candidates(context, index);
            llama_sampler_apply(grammar.get(), &all);
            llama_sampler_apply(chain.get(), &all);
            chosen = all.data[all.selected];
            if (std::isinf(chosen.logit) || std::isnan(chosen.logit)) return std::nullopt;
        }
        llama_sampler_accept(chain.get(), chosen.id);
        llama_sampler_accept(grammar.get(), chosen.id);
        return chosen.id;
    }
};

LlamaSampler::LlamaSampler(std::unique_ptr<State> state) : state_(std::move(state)) {}
LlamaSampler::LlamaSampler(LlamaSampler&&) noexcept = default;
LlamaSampler& LlamaSampler::operator=(LlamaSampler&&) noexcept = default;
LlamaSampler::~LlamaSampler() = default;

Result<LlamaSampler> LlamaSampler::make(const llama_vocab* vocab, const LlamaRequest& request,
                                        std::span<const Token> prompt, std::uint32_t seed) {
    auto state = std::make_unique<State>();
    state->chain.reset(llama_sampler_chain_init(llama_sampler_chain_default_params()));
    const auto& sampling = request.model.sampling;

    TRY(const auto bias, biases(vocab, request));
    if (!bias.empty()) {
        state->add(llama_sampler_init_logit_bias(llama_vocab_n_tokens(vocab),
                                                 static_cast<int>(bias.size()), bias.data()));
    }
    if (has_penalties(request)) {
        state->add(llama_sampler_init_penalties(llama_vocab_n_tokens(vocab), request.repeat_last_n,
                                                request.repeat_penalty, request.frequency_penalty,
                                                request.presence_penalty));
        const auto last =
            std::min<std::size_t>(prompt.size(), static_cast<std::size_t>(request.repeat_last_n));
        for (const auto token : prompt.last(last)) {
            llama_sampler_accept(state->chain.get(), token);
        }
    }
    const auto temperature = static_cast<float>(sampling.temperature.value_or(kTemperature));
    if (temperature == 0) {
        state->add(llama_sampler_init_greedy());
    } else {
        const int k = sampling.top_k.value_or(kTopK);
        if (k > 0) state->add(llama_sampler_init_top_k(k));
        state->add(llama_sampler_init_top_p(static_cast<float>(sampling.top_p.value_or(kTopP)), 1));
        state->add(llama_sampler_init_min_p(static_cast<float>(sampling.min_p.value_or(kMinP)), 1));
        state->add(llama_sampler_init_temp(temperature));
        // The library interprets its default seed as "choose one yourself".
        const auto chosen = sampling.seed.value_or(seed);
        state->add(llama_sampler_init_dist(chosen == LLAMA_DEFAULT_SEED ? 0 : chosen));
    }
    if (!request.grammar.empty()) {
        state->grammar.reset(llama_sampler_init_grammar(vocab, request.grammar.c_str(), "root"));
        if (!state->grammar) {
            return invalid(fmt::format("llama.cpp refuses the grammar: {}", llama_last_error()));
        }
    }
    return LlamaSampler(std::move(state));
}

std::optional<Token> LlamaSampler::sample(llama_context* context, int index) {
    if (!state_->grammar) return llama_sampler_sample(state_->chain.get(), context, index);
    try {
        return state_->sample_by_grammar(context, index);
    } catch (const std::exception& error) {
        // The library throws if its grammar rejects a token that it allowed before.
        log_error("llama.cpp failed to follow a grammar", {{"reason", error.what()}});
        return std::nullopt;
    }
}

}  // namespace millrace::backends::llama

#include "worker/backends/llama/engine.h"

#include <fmt/format.h>
#include <llama-cpp.h>

#include <algorithm>
#include <numeric>
#include <thread>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "worker/backends/llama/library.h"

namespace millrace::backends::llama {
namespace {

constexpr int kPhysicalBatchMax = 512;

struct ThreadpoolDeleter {
    void operator()(ggml_threadpool* pool) const { ggml_threadpool_free(pool); }
};

struct BatchDeleter {
    void operator()(llama_batch* batch) const {
        llama_batch_free(*batch);
        delete batch;
    }
};

Error not_loadable(const std::string& path) {
    return {ErrorCode::kInvalidArgument,
            fmt::format("llama.cpp cannot load '{}': {}", path, llama_last_error())};
}

// The library's handles, ended by a null as it expects.
Result<std::vector<ggml_backend_dev_t>> find_gpus(const std::vector<std::size_t>& numbers) {
    std::vector<ggml_backend_dev_t> all;
    for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
        const auto device = ggml_backend_dev_get(i);
        if (ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_GPU) all.push_back(device);
    }
    std::vector<ggml_backend_dev_t> chosen;
    for (const auto number : numbers) {
        if (number >= all.size()) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("backend.llama.devices names GPU {}, but llama.cpp, as it was "
                                     "built, finds {} GPU(s) here",
                                     number, all.size())};
        }
        chosen.push_back(all[number]);
    }
    chosen.push_back(nullptr);
    return chosen;
}

// Returns an empty text if the library does not know the template.
std::string format_chat(const std::string& chat_template,
                        const std::vector<ChatMessage>& messages) {
    std::vector<llama_chat_message> chat;
    std::size_t bytes = 0;
    for (const auto& message : messages) {
        chat.push_back({message.role.c_str(), message.content.c_str()});
        bytes += message.role.size() + message.content.size();
    }
    std::string text(2 * bytes + 1024, '\0');
    for (int tries = 0; tries < 2; ++tries) {
        const int size =
            llama_chat_apply_template(chat_template.c_str(), chat.data(), chat.size(),
                                      /*add_ass=*/true, text.data(), static_cast<int>(text.size()));
        if (size < 0) return {};
        const bool fits = static_cast<std::size_t>(size) <= text.size();
        text.resize(static_cast<std::size_t>(size));
        if (fits) return text;
    }
    return {};
}

}  // namespace

struct LlamaEngine::State {
    LlamaEngineOptions options;
    std::string chat_template;
    llama_model_ptr model;
    // Declared before the context, which uses it until it is destroyed.
    std::unique_ptr<ggml_threadpool, ThreadpoolDeleter> threadpool;
    llama_context_ptr context;
    const llama_vocab* vocab = nullptr;
    std::unique_ptr<llama_batch, BatchDeleter> batch;
    std::vector<BatchToken> added;  // To the next step.
    std::vector<int> place;         // The index in `batch` of each in `added`.
    llama_pos window = 0;           // The size of a sliding window; 1 for models without.
    bool copy_pending = false;
    int runs = 0;

    llama_memory_t memory() const { return llama_get_memory(context.get()); }

    Status load_model() {
        auto params = llama_model_default_params();
        TRY(auto gpus, find_gpus(options.gpus));
        if (!options.gpus.empty()) params.devices = gpus.data();
        model.reset(llama_model_load_from_file(options.model_path.c_str(), params));
        if (!model) return not_loadable(options.model_path);
        if (!llama_model_has_decoder(model.get()) || llama_model_has_encoder(model.get())) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("'{}' is not a text generation model", options.model_path)};
        }
        vocab = llama_model_get_vocab(model.get());
        window = std::max(1, llama_model_n_swa(model.get()));
        return ok();
    }

    // The library recognises only the family of a template, and omits the file's system prompt,
    // which suits small models.
    Status choose_template() {
        const std::vector<ChatMessage> probe{{"user", "hello"}};
        if (!options.chat_template.empty()) {
            chat_template = options.chat_template;
            if (!format_chat(chat_template, probe).empty()) return ok();
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("llama.cpp has no chat template '{}'", chat_template)};
        }
        const char* own = llama_model_chat_template(model.get(), nullptr);
        chat_template = own != nullptr ? own : "";
        if (own == nullptr || format_chat(chat_template, probe).empty()) chat_template = "chatml";
        return ok();
    }

    Status make_context() {
        const auto processors = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
        const int threads = options.threads > 0 ? options.threads : processors;
        auto params = llama_context_default_params();
        params.n_ctx = static_cast<std::uint32_t>(options.context_tokens);
        params.n_seq_max = static_cast<std::uint32_t>(options.sequences);
        params.n_batch = static_cast<std::uint32_t>(options.batch_tokens);
        params.n_ubatch = std::min<std::uint32_t>(params.n_batch, kPhysicalBatchMax);
        params.n_threads = threads;
        params.n_threads_batch = threads;
        params.kv_unified = false;
        context.reset(llama_init_from_model(model.get(), params));
        if (!context) {
            return Error{
                ErrorCode::kResourceExhausted,
                fmt::format("llama.cpp cannot create a context of {} tokens for {} sequences: {}; "
                            "make it smaller",
                            options.context_tokens, options.sequences, llama_last_error())};
        }
        // Without OpenMP each step would otherwise start its own threads.
        auto pool = ggml_threadpool_params_default(threads);
        threadpool.reset(ggml_threadpool_new(&pool));
        CHECK(threadpool);
        llama_attach_threadpool(context.get(), threadpool.get(), nullptr);
        batch.reset(new llama_batch(llama_batch_init(options.batch_tokens, 0, 1)));
        return ok();
    }

    // Orders the batch by sequence. The library computes together only sequences with consecutive
    // increasing numbers (llama_batch_allocr::split_equal), and reads all weights once for each
    // such run.
    void lay_out_batch() {
        std::vector<std::size_t> order(added.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
            return added[a].sequence < added[b].sequence;
        });
        place.resize(added.size());
        runs = 0;
        int last = -2;
        batch->n_tokens = static_cast<std::int32_t>(added.size());
        for (int index = 0; index < batch->n_tokens; ++index) {
            const auto from = order[static_cast<std::size_t>(index)];
            const auto& token = added[from];
            place[from] = index;
            if (token.sequence != last && token.sequence != last + 1) ++runs;
            last = token.sequence;
            batch->token[index] = token.token;
            batch->pos[index] = static_cast<llama_pos>(token.position);
            batch->n_seq_id[index] = 1;
            batch->seq_id[index][0] = token.sequence;
            batch->logits[index] = token.sampled ? 1 : 0;
        }
    }
};

LlamaEngine::LlamaEngine(std::unique_ptr<State> state) : state_(std::move(state)) {}

LlamaEngine::~LlamaEngine() = default;

Result<std::unique_ptr<LlamaEngine>> LlamaEngine::load(const LlamaEngineOptions& options) {
    CHECK(options.sequences >= 1 && options.batch_tokens >= options.sequences);
    init_llama_library();
    auto state = std::make_unique<State>();
    state->options = options;
    TRY_STATUS(state->load_model());
    TRY_STATUS(state->choose_template());
    TRY_STATUS(state->make_context());
    std::unique_ptr<LlamaEngine> engine(new LlamaEngine(std::move(state)));
    // Reads the weights once, so that the first job does not pay for it.
    engine->clear_batch();
    engine->add({.token = 0, .sequence = 0, .position = 0, .sampled = true});
    if (!engine->decode()) return not_loadable(options.model_path);
    engine->keep_prefix(0, 0);
    return engine;
}

int LlamaEngine::context_per_sequence() const {
    return static_cast<int>(llama_n_ctx_seq(state_->context.get()));
}

int LlamaEngine::batch_tokens() const {
    return state_->options.batch_tokens;
}

std::vector<Token> LlamaEngine::tokenize(std::string_view text) const {
    const auto call = [&](std::vector<Token>& tokens) {
        return llama_tokenize(state_->vocab, text.data(), static_cast<int>(text.size()),
                              tokens.data(), static_cast<int>(tokens.size()),
                              /*add_special=*/true, /*parse_special=*/true);
    };
    std::vector<Token> tokens(text.size() + 8);
    auto count = call(tokens);
    if (count < 0) {
        tokens.resize(static_cast<std::size_t>(-static_cast<std::int64_t>(count)));
        count = call(tokens);
    }
    CHECK(count >= 0);
    tokens.resize(static_cast<std::size_t>(count));
    return tokens;
}

std::string LlamaEngine::apply_template(const std::vector<ChatMessage>& messages) const {
    return format_chat(state_->chat_template, messages);
}

std::string LlamaEngine::piece(Token token) const {
    const auto call = [&](std::string& text) {
        return llama_token_to_piece(state_->vocab, token, text.data(),
                                    static_cast<int>(text.size()), 0, /*special=*/false);
    };
    std::string text(64, '\0');
    auto size = call(text);
    if (size < 0) {
        text.resize(static_cast<std::size_t>(-size));
        size = call(text);
    }
    text.resize(static_cast<std::size_t>(std::max(size, 0)));
    return text;
}

bool LlamaEngine::is_end(Token token) const {
    return llama_vocab_is_eog(state_->vocab, token);
}

std::size_t LlamaEngine::keep_prefix(int sequence, std::size_t count) {
    auto* memory = state_->memory();
    const auto end = static_cast<llama_pos>(count);
    if (count > 0 && llama_memory_seq_rm(memory, sequence, end, -1)) {
        // A sliding window forgets all tokens before it. The tokens that the next one looks back to
        // must still be there.
        const auto first = llama_memory_seq_pos_min(memory, sequence);
        if (first == 0 || (first > 0 && first + state_->window <= end)) return count;
    }
    llama_memory_seq_rm(memory, sequence, -1, -1);
    return 0;
}

// Between separate memories only a whole sequence can be copied. The library does so at the
// beginning of the next step.
void LlamaEngine::copy(int from, int to) {
    llama_memory_seq_rm(state_->memory(), to, -1, -1);
    llama_memory_seq_cp(state_->memory(), from, to, -1, -1);
    state_->copy_pending = true;
}

std::size_t LlamaEngine::copy_prefix(int from, int to, std::size_t count) {
    copy(from, to);
    return keep_prefix(to, count);
}

bool LlamaEngine::copy_pending() const {
    return state_->copy_pending;
}

std::size_t LlamaEngine::state_bytes(int sequence) const {
    return llama_state_seq_get_size(state_->context.get(), sequence);
}

SequenceState LlamaEngine::save(int sequence) const {
    SequenceState state{.data = nullptr, .size = state_bytes(sequence)};
    state.data = std::make_unique_for_overwrite<std::byte[]>(state.size);
    auto* data = reinterpret_cast<std::uint8_t*>(state.data.get());
    state.size = llama_state_seq_get_data(state_->context.get(), data, state.size, sequence);
    return state;
}

bool LlamaEngine::restore(int sequence, std::span<const std::byte> state) {
    CHECK(!copy_pending());
    llama_memory_seq_rm(state_->memory(), sequence, -1, -1);
    const auto* data = reinterpret_cast<const std::uint8_t*>(state.data());
    return llama_state_seq_set_data(state_->context.get(), data, state.size(), sequence) > 0;
}

void LlamaEngine::clear_batch() {
    state_->added.clear();
}

int LlamaEngine::add(const BatchToken& token) {
    CHECK(batch_size() < state_->options.batch_tokens);
    state_->added.push_back(token);
    return batch_size() - 1;
}

int LlamaEngine::batch_size() const {
    return static_cast<int>(state_->added.size());
}

bool LlamaEngine::decode() {
    state_->lay_out_batch();
    const int code = llama_decode(state_->context.get(), *state_->batch);
    state_->copy_pending = false;
    if (code == 0) {
        llama_synchronize(state_->context.get());  // So that the measured time of a step is right.
        return true;
    }
    // 1 (no room) and 2 (aborted) cannot occur: each sequence stays within its own part of the
    // context, and there is no abort callback.
    log_error("llama.cpp failed in a decode step",
              {{"code", code}, {"reason", llama_last_error()}});
    return false;
}

int LlamaEngine::runs() const {
    return state_->runs;
}

Result<LlamaSampler> LlamaEngine::make_sampler(const LlamaRequest& request,
                                               std::span<const Token> prompt,
                                               std::uint32_t seed) const {
    return LlamaSampler::make(state_->vocab, request, prompt, seed);
}

std::optional<Token> LlamaEngine::sample(LlamaSampler& sampler, int index) {
    return sampler.sample(state_->context.get(), state_->place[static_cast<std::size_t>(index)]);
}

}  // namespace millrace::backends::llama

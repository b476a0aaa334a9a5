// What the library alone can do: tokens per second of a plain decode loop over n sequences, with
// nothing of Millrace in it. The yardstick for the llama backend.
//
// Every level runs the same prompts, n at a time, with the settings that the backend uses: chat
// template, sampling defaults, a context part for each sequence, a persistent thread pool. Memory
// is cleared between waves, so that no prompt is reused.
//
//   llama_direct MODEL.gguf PROMPTS.txt [TOKENS [THREADS [SEQUENCES]]]
//
// THREADS 0: one for each processor; without SEQUENCES: 1, 4, 8 and 16.
#include <fmt/format.h>
#include <llama-cpp.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kContextPerSequence = 1024;
constexpr int kBatchTokens = 512;

struct Arguments {
    std::string model;
    std::vector<std::string> prompts;
    int tokens = 64;
    int threads = 0;
    std::vector<int> levels{1, 4, 8, 16};
};

struct Sequence {
    std::vector<llama_token> prompt;
    llama_sampler_ptr sampler;
    int position = 0;
    int generated = 0;
    llama_token next = 0;
    int sampled_at = -1;
    bool done = false;
};

[[noreturn]] void fail(const std::string& message) {
    fmt::print(stderr, "llama_direct: {}\n", message);
    std::exit(1);
}

std::vector<llama_token> tokenize(const llama_model* model, const std::string& text) {
    const llama_chat_message message{"user", text.c_str()};
    std::string chat(text.size() * 2 + 1024, '\0');
    const int size = llama_chat_apply_template("chatml", &message, 1, true, chat.data(),
                                               static_cast<int>(chat.size()));
    std::vector<llama_token> tokens(static_cast<std::size_t>(size) + 8);
    const int count = llama_tokenize(llama_model_get_vocab(model), chat.data(), size, tokens.data(),
                                     static_cast<int>(tokens.size()), true, true);
    if (count < 0) fail("a prompt cannot be tokenized");
    tokens.resize(static_cast<std::size_t>(count));
    return tokens;
}

llama_sampler_ptr make_sampler(unsigned seed) {
    llama_sampler_ptr chain(llama_sampler_chain_init(llama_sampler_chain_default_params()));
    llama_sampler_chain_add(chain.get(), llama_sampler_init_top_k(40));
    llama_sampler_chain_add(chain.get(), llama_sampler_init_top_p(0.95F, 1));
    llama_sampler_chain_add(chain.get(), llama_sampler_init_min_p(0.05F, 1));
    llama_sampler_chain_add(chain.get(), llama_sampler_init_temp(0.8F));
    llama_sampler_chain_add(chain.get(), llama_sampler_init_dist(seed));
    return chain;
}

void add(llama_batch& batch, llama_token token, int position, int sequence, bool sampled) {
    const int i = batch.n_tokens++;
    batch.token[i] = token;
    batch.pos[i] = position;
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = sequence;
    batch.logits[i] = sampled ? 1 : 0;
}

// Generates for all sequences until each is done; returns the number of tokens.
int run_wave(llama_context* context, llama_batch& batch, std::vector<Sequence>& wave, int tokens) {
    const auto* vocab = llama_model_get_vocab(llama_get_model(context));
    int generated = 0;
    while (true) {
        batch.n_tokens = 0;
        for (std::size_t i = 0; i < wave.size(); ++i) {
            auto& sequence = wave[i];
            const int id = static_cast<int>(i);
            const int size = static_cast<int>(sequence.prompt.size());
            sequence.sampled_at = -1;
            if (sequence.done) continue;
            if (sequence.position >= size) {
                sequence.sampled_at = batch.n_tokens;
                add(batch, sequence.next, sequence.position++, id, true);
            }
            while (sequence.position < size && batch.n_tokens < kBatchTokens) {
                const bool last = sequence.position + 1 == size;
                if (last) sequence.sampled_at = batch.n_tokens;
                add(batch, sequence.prompt[static_cast<std::size_t>(sequence.position)],
                    sequence.position, id, last);
                ++sequence.position;
            }
        }
        if (batch.n_tokens == 0) return generated;
        if (llama_decode(context, batch) != 0) fail("a decode step failed");
        for (auto& sequence : wave) {
            if (sequence.sampled_at < 0) continue;
            sequence.next =
                llama_sampler_sample(sequence.sampler.get(), context, sequence.sampled_at);
            const bool end = llama_vocab_is_eog(vocab, sequence.next);
            if (!end) ++generated;
            sequence.done = end || ++sequence.generated >= tokens;
        }
    }
}

void run_level(llama_model* model, const Arguments& arguments, int sequences) {
    auto params = llama_context_default_params();
    params.n_ctx = static_cast<unsigned>(kContextPerSequence * sequences);
    params.n_seq_max = static_cast<unsigned>(sequences);
    params.n_batch = kBatchTokens;
    params.n_threads = arguments.threads;
    params.n_threads_batch = arguments.threads;
    params.kv_unified = false;
    auto pool_params = ggml_threadpool_params_default(arguments.threads);
    auto* pool = ggml_threadpool_new(&pool_params);
    llama_context_ptr context(llama_init_from_model(model, params));
    if (!context) fail("no context of that size");
    llama_attach_threadpool(context.get(), pool, nullptr);
    auto batch = llama_batch_init(kBatchTokens, 0, 1);

    int generated = 0;
    const auto before = std::chrono::steady_clock::now();
    const auto& prompts = arguments.prompts;
    for (std::size_t next = 0; next < prompts.size();) {
        std::vector<Sequence> wave;
        while (wave.size() < static_cast<std::size_t>(sequences) && next < prompts.size()) {
            Sequence sequence;
            sequence.prompt = tokenize(model, prompts[next]);
            sequence.sampler = make_sampler(static_cast<unsigned>(next));
            wave.push_back(std::move(sequence));
            ++next;
        }
        llama_memory_clear(llama_get_memory(context.get()), false);
        generated += run_wave(context.get(), batch, wave, arguments.tokens);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
    fmt::print("{:>10} {:>8} {:>8.2f} {:>10.1f}\n", sequences, generated, took.count(),
               generated / took.count());
    std::fflush(stdout);

    llama_batch_free(batch);
    context.reset();
    ggml_threadpool_free(pool);
}

Arguments parse(int argc, char** argv) {
    if (argc < 3) fail("usage: llama_direct MODEL.gguf PROMPTS.txt [TOKENS [THREADS [SEQUENCES]]]");
    Arguments arguments;
    arguments.model = argv[1];
    std::ifstream file(argv[2]);
    for (std::string line; std::getline(file, line);) {
        if (!line.empty()) arguments.prompts.push_back(line);
    }
    if (arguments.prompts.empty()) fail(fmt::format("no prompts in '{}'", argv[2]));
    if (argc > 3) arguments.tokens = std::atoi(argv[3]);
    if (argc > 4) arguments.threads = std::atoi(argv[4]);
    if (argc > 5) arguments.levels = {std::atoi(argv[5])};
    if (arguments.threads == 0) {
        arguments.threads = static_cast<int>(std::thread::hardware_concurrency());
    }
    if (arguments.tokens < 1 || arguments.threads < 1 || arguments.levels[0] < 1) {
        fail("TOKENS and SEQUENCES must be 1 or more");
    }
    return arguments;
}

}  // namespace

int main(int argc, char** argv) {
    const auto arguments = parse(argc, argv);
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    llama_backend_init();
    const llama_model_ptr model(
        llama_model_load_from_file(arguments.model.c_str(), llama_model_default_params()));
    if (!model) fail(fmt::format("llama.cpp cannot load '{}'", arguments.model));
    fmt::print("llama.cpp {}, {} threads, {} prompts, at most {} tokens each\n", llama_version(),
               arguments.threads, arguments.prompts.size(), arguments.tokens);
    fmt::print("{:>10} {:>8} {:>8} {:>10}\n", "sequences", "tokens", "seconds", "tokens/s");
    for (const int sequences : arguments.levels) run_level(model.get(), arguments, sequences);
    return 0;
}

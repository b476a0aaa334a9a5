#include "worker/backends/llama/models.h"

#include <fmt/format.h>
#include <gguf.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <thread>

#include "worker/backends/gguf.h"

namespace millrace::backends::llama {
namespace {

constexpr double kGiB = 1 << 30;
constexpr std::size_t kBytesOfValue = 2;

struct GgufDeleter {
    void operator()(gguf_context* file) const { gguf_free(file); }
};
using Gguf = std::unique_ptr<gguf_context, GgufDeleter>;

// A number from the file's header; the largest if there is one for each layer. 0 if it is absent.
std::size_t number(const Gguf& file, const std::string& key) {
    const auto id = gguf_find_key(file.get(), key.c_str());
    if (id < 0) return 0;
    if (gguf_get_kv_type(file.get(), id) == GGUF_TYPE_UINT32) {
        return gguf_get_val_u32(file.get(), id);
    }
    if (gguf_get_kv_type(file.get(), id) != GGUF_TYPE_ARRAY) return 0;
    const auto type = gguf_get_arr_type(file.get(), id);
    if (type != GGUF_TYPE_UINT32 && type != GGUF_TYPE_INT32) return 0;
    const auto* values = static_cast<const std::uint32_t*>(gguf_get_arr_data(file.get(), id));
    const auto count = gguf_get_arr_n(file.get(), id);
    return count == 0 ? 0 : *std::max_element(values, values + count);
}

std::size_t bytes_of_token(const Gguf& file) {
    const auto architecture = gguf_find_key(file.get(), "general.architecture");
    if (architecture < 0 || gguf_get_kv_type(file.get(), architecture) != GGUF_TYPE_STRING)
        return 0;
    const auto of = [&, name = std::string(gguf_get_val_str(file.get(), architecture))](
                        const char* key) { return number(file, fmt::format("{}.{}", name, key)); };
    const auto heads = of("attention.head_count");
    if (heads == 0) return 0;
    const auto width = of("embedding_length") / heads;
    const auto or_else = [](std::size_t value, std::size_t other) { return value ? value : other; };
    return of("block_count") * or_else(of("attention.head_count_kv"), heads) * kBytesOfValue *
           (or_else(of("attention.key_length"), width) +
            or_else(of("attention.value_length"), width));
}

// With more threads than processors, models that compute at once would wait for each other.
void share_processors(LlamaOptions& options, std::size_t models) {
    if (options.threads > 0) return;
    std::size_t processors = 0;
    for (const auto& device : options.devices) processors += device.processors.size();
    if (processors == 0) processors = std::thread::hardware_concurrency();
    options.threads = static_cast<int>(std::max<std::size_t>(1, processors / models));
}

Status check_memory(const std::vector<LlamaOptions>& models, std::size_t bytes_max) {
    if (bytes_max == 0) return ok();
    std::size_t total = 0;
    std::string each;
    for (const auto& model : models) {
        TRY(const auto memory, memory_of_model(model.model_path, model.context_tokens));
        total += memory.weights + memory.context;
        each += fmt::format("{}{} {:.2f} GiB and {:.2f} GiB of context", each.empty() ? "" : ", ",
                            model.name, static_cast<double>(memory.weights) / kGiB,
                            static_cast<double>(memory.context) / kGiB);
    }
    if (total <= bytes_max) return ok();
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("the models need {:.2f} GiB ({}), more than backend.llama.memory_max, "
                             "{:.2f} GiB: give some of them to another worker, or lower "
                             "backend.llama.context",
                             static_cast<double>(total) / kGiB, each,
                             static_cast<double>(bytes_max) / kGiB)};
}

}  // namespace

Result<LlamaMemory> memory_of_model(const std::string& path, int context_tokens) {
    TRY_STATUS(check_gguf(path));
    const Gguf file(gguf_init_from_file(path.c_str(), {.no_alloc = true, .ctx = nullptr}));
    if (!file) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("'{}' is a damaged GGUF file: its header cannot be read", path)};
    }
    return LlamaMemory{.weights = std::filesystem::file_size(path),
                       .context = bytes_of_token(file) * static_cast<std::size_t>(context_tokens)};
}

Result<std::vector<LlamaOptions>> options_of_models(const LlamaOptions& common,
                                                    const LlamaModels& models) {
    const auto& [paths, names, memory_bytes_max] = models;
    if (!names.empty() && names.size() != paths.size()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("backend.llama.name has {} names for the {} files of "
                                 "backend.llama.model: give one for each, or none",
                                 names.size(), paths.size())};
    }
    std::vector<LlamaOptions> all;
    std::set<std::string> different;
    for (std::size_t i = 0; i < paths.size(); ++i) {
        auto& options = all.emplace_back(common);
        options.model_path = paths[i];
        options.name = names.empty() ? std::filesystem::path(paths[i]).stem().string() : names[i];
        if (paths.size() > 1) share_processors(options, paths.size());
        if (different.insert(options.name).second) continue;
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("backend.llama serves two models as '{}': give each a name of "
                                 "its own in backend.llama.name",
                                 options.name)};
    }
    TRY_STATUS(check_memory(all, memory_bytes_max));
    return all;
}

}  // namespace millrace::backends::llama

#include "producer/cli/up/welcome.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "common/base/text.h"
#include "producer/cli/up/shell_words.h"

namespace millrace::cli::up {
namespace {

constexpr std::string_view kSynthetic = "synthetic";
constexpr std::size_t kModelsShown = 20;

// Servers report their models' names but not what the models do. Embedding models, though, have
// similar names everywhere.
bool makes_embeddings(std::string_view model) {
    const auto name = lower(model);
    constexpr std::array<std::string_view, 7> kNames{"embed", "minilm", "bge-", "e5-",
                                                     "gte-",  "arctic", "mxbai"};
    return std::ranges::any_of(
        kNames, [&](std::string_view part) { return name.find(part) != std::string::npos; });
}

// How to submit a job for the model; nothing if no single line can show it.
std::optional<std::string> job_for(const std::string& model, const BackendKinds& kinds) {
    const auto named = fmt::format("submit --wait -m {} ", shell_quoted(model));
    if (model == kSynthetic) return named + "hello";
    // Workers do not report which of their backends serves a model.
    if (kinds.tensors || (kinds.prompts && kinds.chats)) return std::nullopt;
    if (kinds.chats && makes_embeddings(model)) return named + R"(--input '{"input": "hello"}')";
    return named + (kinds.chats ? "--chat hello" : "hello");
}

}  // namespace

std::string welcome(const std::vector<std::string>& models, const BackendKinds& kinds,
                    const StackFacts& stack) {
    std::string text = fmt::format("Millrace is up at {}\n", stack.url);
    auto real = models;
    const bool has_synthetic = std::erase(real, kSynthetic) > 0;
    auto shown = real;
    if (has_synthetic) shown.emplace_back(kSynthetic);
    const auto more = shown.size() - std::min(shown.size(), kModelsShown);
    shown.resize(shown.size() - more);
    if (!shown.empty()) {
        text += fmt::format("  models: {}{}\n", fmt::join(shown, ", "),
                            more > 0 ? fmt::format(" and {} more", more) : "");
    }

    std::optional<std::string> job;
    for (const auto& model : real) {
        if (!job) job = job_for(model, kinds);
    }
    if (!job && has_synthetic) job = job_for(std::string(kSynthetic), kinds);
    const auto program = shell_quoted(stack.program);
    if (job) {
        const bool is_default = stack.url == stack.default_url;
        text += fmt::format("  try: {} {}{}\n", program,
                            is_default ? "" : fmt::format("--url {} ", stack.url), *job);
    }
    if (real.empty() && has_synthetic) {
        text +=
            "  only the synthetic model is served; --model FILE.gguf, --backend-url URL or "
            "--process \"python3 FILE.py\" serves a real one\n";
    }
    text += fmt::format("  logs: {} ({} logs{} -f)\n", stack.logs, program, stack.data_option);
    return text + "  Ctrl-C stops everything";
}

}  // namespace millrace::cli::up

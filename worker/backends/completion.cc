#include "worker/backends/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/base/check.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

bool is_plain(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

std::string json_string(std::string_view text) {
    if (is_plain(text)) return fmt::format("\"{}\"", text);
    return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string number_json(const std::optional<std::int64_t>& number) {
    return number ? std::to_string(*number) : "null";
}

std::string usage_json(const Usage& usage) {
    return fmt::format(R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{}}})",
                       number_json(usage.prompt_tokens), number_json(usage.completion_tokens),
                       number_json(usage.total_tokens()));
}

}  // namespace

// Written as text directly: building a tree first costs more than all the other work of the
// synthetic backend for a job.
std::string completion_json(const Completion& completion, WallTime created) {
    CHECK(completion.kind == RequestKind::kChat || completion.kind == RequestKind::kCompletion);
    const bool chat = completion.kind == RequestKind::kChat;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(created).time_since_epoch();
    const auto text = json_string(completion.text);
    return fmt::format(
        R"({{"id":{},"object":"{}","created":{},"model":{},"choices":[{{"index":0,{}{}{},)"
        R"("finish_reason":"{}"}}],"usage":{}}})",
        json_string(completion.id), chat ? "chat.completion" : "text_completion", seconds.count(),
        json_string(completion.model),
        chat ? R"("message":{"role":"assistant","content":)" : R"("text":)", text, chat ? "}" : "",
        completion.finish_reason, usage_json(completion.usage));
}

std::string embeddings_json(std::string_view model, std::span<const std::vector<float>> vectors,
                            const Usage& usage) {
    auto data = json::array();
    for (const auto& vector : vectors) {
        data.push_back({{"object", "embedding"}, {"index", data.size()}, {"embedding", vector}});
    }
    const json list{{"object", "list"},
                    {"model", model},
                    {"data", std::move(data)},
                    {"usage",
                     {{"prompt_tokens", usage.prompt_tokens.value_or(0)},
                      {"total_tokens", usage.prompt_tokens.value_or(0)}}}};
    return list.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace millrace::backends

#include "worker/backends/openai/assembler.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/check.h"
#include "worker/backends/openai/endpoint_error.h"
#include "worker/backends/outcomes.h"

namespace millrace::worker {
namespace {

using nlohmann::json;

Usage usage_of(const json& answer) {
    Usage usage;
    const auto found = answer.find("usage");
    if (found == answer.end() || !found->is_object()) return usage;
    // The newer name is that of answers with images.
    const auto count = [&](const char* name, const char* newer_name) {
        auto value = found->find(name);
        if (value == found->end()) value = found->find(newer_name);
        const bool fine = value != found->end() && value->is_number_integer();
        return fine ? value->get<std::int64_t>() : 0;
    };
    usage.prompt_tokens = count("prompt_tokens", "input_tokens");
    usage.completion_tokens = count("completion_tokens", "output_tokens");
    return usage;
}

Outcome completed(const json& answer) {
    return {.kind = OutcomeKind::kCompleted,
            .output_json = answer.dump(-1, ' ', false, json::error_handler_t::replace),
            .usage = usage_of(answer)};
}

std::string& string_at(json& object, const std::string& name) {
    auto& value = object[name];
    if (!value.is_string()) value = "";
    return value.get_ref<std::string&>();
}

// Deltas of strings are appended, lists are joined, the last of anything else counts. Returns by
// how many bytes the whole has grown.
std::size_t merge(json& whole, const std::string& name, const json& delta) {
    if (delta.is_null()) {
        if (!whole.contains(name)) whole[name] = nullptr;
        return 0;
    }
    if (delta.is_string()) {
        const auto& text = delta.get_ref<const std::string&>();
        string_at(whole, name) += text;
        return text.size();
    }
    auto& value = whole[name];
    if (delta.is_array() && value.is_array()) {
        value.insert(value.end(), delta.begin(), delta.end());
        return delta.dump().size();
    }
    if (delta.is_object() && value.is_object()) {
        std::size_t bytes = 0;
        for (const auto& [inner, part] : delta.items()) bytes += merge(value, inner, part);
        return bytes;
    }
    value = delta;
    return 0;
}

bool is_blank(const json& value) {
    return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty());
}

// Tool calls come in pieces too, each with the index of the call it belongs to; from TGI a piece
// comes alone, not in a list.
std::size_t merge_tool_calls(std::map<std::size_t, json>& calls, const json& deltas) {
    std::size_t bytes = 0;
    for (const auto& delta : deltas.is_array() ? deltas : json::array({deltas})) {
        auto& call = calls[delta.value("index", std::size_t{0})];
        for (const auto& [name, value] : delta.items()) {
            if (name == "index") continue;
            if (name == "function") {
                for (const auto& [part, text] : value.items()) {
                    bytes += merge(call["function"], part, text);
                }
            } else if (!is_blank(value)) {
                // Some servers repeat "id" and "type" blank.
                call[name] = value;
            }
        }
    }
    return bytes;
}

struct Choice {
    json message = json::object();  // kChat
    std::string text;               // kCompletion
    std::map<std::size_t, json> tool_calls;
    json rest = json::object();  // finish_reason, logprobs, …
};

}  // namespace

struct Assembler::State {
    json answer = json::object();
    std::map<std::size_t, Choice> choices;
    std::size_t bytes = 0;

    std::size_t add_choice(RequestKind kind, const json& delta, std::string& partial) {
        const auto index = delta.value("index", std::size_t{0});
        auto& choice = choices[index];
        std::size_t added = 0;
        for (const auto& [name, value] : delta.items()) {
            if (name == "index") continue;
            if (kind == RequestKind::kChat && name == "delta") {
                added += add_message(choice, index, value, partial);
            } else if (kind == RequestKind::kCompletion && name == "text") {
                const auto& text = value.get_ref<const std::string&>();
                choice.text += text;
                if (index == 0) partial += text;
                added += text.size();
            } else if (value.is_string()) {
                choice.rest[name] = value;
            } else {
                added += merge(choice.rest, name, value);
            }
        }
        return added;
    }

    // vLLM and SGLang end so what they gave up themselves, inside a success.
    bool was_aborted() const {
        return std::any_of(choices.begin(), choices.end(), [](const auto& choice) {
            const auto reason = choice.second.rest.find("finish_reason");
            return reason != choice.second.rest.end() && (*reason == "abort" || *reason == "error");
        });
    }

    static std::size_t add_message(Choice& choice, std::size_t index, const json& delta,
                                   std::string& partial) {
        std::size_t added = 0;
        for (const auto& [name, value] : delta.items()) {
            if (name == "role") {
                choice.message["role"] = value;
            } else if (name == "tool_calls" && !value.is_null()) {
                added += merge_tool_calls(choice.tool_calls, value);
            } else {
                added += merge(choice.message, name, value);
                const bool shown = index == 0 && name == "content" && value.is_string();
                if (shown) partial += value.get_ref<const std::string&>();
            }
        }
        return added;
    }
};

Assembler::Assembler(RequestKind kind, std::size_t output_bytes_max)
    : kind_(kind), output_bytes_max_(output_bytes_max), state_(std::make_unique<State>()) {
    CHECK(kind == RequestKind::kChat || kind == RequestKind::kCompletion);
}

Assembler::~Assembler() = default;

std::optional<Outcome> Assembler::add(std::string_view data, std::string& partial) {
    has_events_ = true;
    if (data == "[DONE]") {
        done_ = true;
        return std::nullopt;
    }
    try {
        return add_chunk(data, partial);
    } catch (const json::exception&) {
        return invalid_response("an event is no JSON of the expected form");
    }
}

std::optional<Outcome> Assembler::add_chunk(std::string_view data, std::string& partial) {
    const auto chunk = json::parse(data);
    if (!chunk.is_object()) return invalid_response("an event is no JSON object");
    if (const auto error = chunk.find("error"); error != chunk.end() && !error->is_null()) {
        return error_object_outcome(*error);
    }
    for (const auto& [name, value] : chunk.items()) {
        if (name == "choices") {
            for (const auto& delta : value) {
                state_->bytes += state_->add_choice(kind_, delta, partial);
            }
        } else if (!value.is_null()) {
            state_->answer[name] = value;
        }
    }
    if (state_->bytes > output_bytes_max_) return output_too_large(output_bytes_max_);
    if (state_->was_aborted()) return generation_aborted();
    return std::nullopt;
}

bool Assembler::complete() const {
    const auto& choices = state_->choices;
    const auto finished = [](const auto& choice) {
        const auto reason = choice.second.rest.find("finish_reason");
        return reason != choice.second.rest.end() && reason->is_string();
    };
    return !choices.empty() && (done_ || std::all_of(choices.begin(), choices.end(), finished));
}

Outcome Assembler::outcome() const {
    CHECK(complete());
    const bool chat = kind_ == RequestKind::kChat;
    auto answer = state_->answer;
    answer["object"] = chat ? "chat.completion" : "text_completion";
    auto& choices = answer["choices"] = json::array();
    for (const auto& [index, choice] : state_->choices) {
        auto whole = choice.rest;
        whole["index"] = index;
        if (!whole.contains("finish_reason")) whole["finish_reason"] = nullptr;
        if (chat) {
            whole["message"] = choice.message;
            auto& message = whole["message"];
            if (!message.contains("role")) message["role"] = "assistant";
            if (!message.contains("content")) message["content"] = nullptr;
            for (const auto& [_, call] : choice.tool_calls) message["tool_calls"].push_back(call);
        } else {
            whole["text"] = choice.text;
        }
        choices.push_back(std::move(whole));
    }
    return completed(answer);
}

Outcome unstreamed_outcome(RequestKind kind, std::string_view body) {
    const auto answer = json::parse(body, nullptr, /*allow_exceptions=*/false);
    if (!answer.is_object()) return invalid_response("the body is no JSON object");
    if (const auto error = answer.find("error"); error != answer.end() && !error->is_null()) {
        return error_object_outcome(*error);
    }
    const bool has_choices = kind == RequestKind::kChat || kind == RequestKind::kCompletion;
    const auto* list = has_choices ? "choices" : "data";
    const auto found = answer.find(list);
    if (found == answer.end() || !found->is_array() || found->empty()) {
        return invalid_response(std::string("the body has no '") + list + "'");
    }
    return completed(answer);
}

}  // namespace millrace::worker

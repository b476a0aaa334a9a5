#include "worker/backends/openai/endpoint_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/check.h"
#include "common/json/json_view.h"
#include "common/json/object_edit.h"

namespace millrace::backends::openai {
namespace {

using nlohmann::json;

constexpr std::size_t kBytesPerToken = 4;
constexpr std::size_t kPrefixBytesMax = 1024;
constexpr std::size_t kPrefixBytesMin = 256;

struct Route {
    const char* member;     // The member with the texts.
    std::string_view path;  // Below the base URL.
    bool streams;
};

Route route_of(RequestKind kind) {
    switch (kind) {
        case RequestKind::kChat:
            return {"messages", "/chat/completions", true};
        case RequestKind::kCompletion:
            return {"prompt", "/completions", true};
        case RequestKind::kEmbeddings:
            return {"input", "/embeddings", false};
        case RequestKind::kImages:
            return {"image_prompt", "/images/generations", false};
    }
    CHECK(false);
}

// Calls `take` with each text in the value: a string, a list of them, messages and their parts.
void each_text(const json& value, const std::function<void(const std::string&)>& take) {
    if (value.is_string()) return take(value.get_ref<const std::string&>());
    if (value.is_array()) {
        for (const auto& item : value) each_text(item, take);
    }
    if (!value.is_object()) return;
    for (const auto* name : {"content", "text"}) {
        if (const auto found = value.find(name); found != value.end()) each_text(*found, take);
    }
}

std::size_t count_tokens(const json& value) {
    std::size_t bytes = 0;
    each_text(value, [&bytes](const std::string& text) { bytes += text.size(); });
    // A list of numbers is a list of tokens.
    const bool has_tokens = value.is_array() && !value.empty() && value.front().is_number();
    return bytes / kBytesPerToken + (has_tokens ? value.size() : 0);
}

std::optional<std::uint64_t> prefix_of(RequestKind kind, const json& value) {
    if (!route_of(kind).streams) return std::nullopt;
    const bool has_messages = kind == RequestKind::kChat && value.is_array() && !value.empty();
    std::string text;
    each_text(has_messages ? value.front() : value, [&text](const std::string& part) {
        text.append(part, 0, kPrefixBytesMax - std::min(kPrefixBytesMax, text.size()));
    });
    if (text.size() < kPrefixBytesMin) return std::nullopt;
    return std::hash<std::string>{}(text);
}

std::optional<std::int64_t> positive(const json& input, const char* name) {
    const auto found = input.find(name);
    if (found == input.end() || !found->is_number_unsigned()) return std::nullopt;
    const auto value = std::min(found->get<std::uint64_t>(), std::uint64_t{kTokensMax});
    return static_cast<std::int64_t>(value);
}

std::optional<std::int64_t> output_tokens_max(RequestKind kind, const json& input) {
    if (kind == RequestKind::kEmbeddings) return 0;
    auto each = positive(input, "max_completion_tokens");
    if (!each) each = positive(input, "max_tokens");
    if (!each) return std::nullopt;
    return std::min(*each * std::max(positive(input, "n").value_or(1), std::int64_t{1}),
                    kTokensMax);
}

// A list of numbers is one text, as tokens.
std::size_t count_texts(const json& value) {
    if (!value.is_array() || value.empty() || value.front().is_number()) return 1;
    return value.size();
}

std::optional<std::size_t> count_answers(RequestKind kind, const json& input, std::size_t texts) {
    if (kind == RequestKind::kImages) return std::nullopt;
    const auto n = input.find("n");
    if (kind == RequestKind::kEmbeddings || n == input.end() || n->is_null()) return texts;
    const auto each = positive(input, "n");
    if (!each || *each < 1) return std::nullopt;
    return texts * static_cast<std::size_t>(*each);
}

bool is_true(const json& input, const char* name) {
    const auto found = input.find(name);
    return found != input.end() && *found == true;
}

bool can_stream(RequestKind kind, const json& input, const Profile& profile) {
    const auto route = route_of(kind);
    if (!route.streams) return false;
    if (!profile.streams_prompt_lists && kind == RequestKind::kCompletion &&
        count_texts(input[route.member]) > 1) {
        return false;
    }
    const bool has_tools = input.contains("tools") && !input["tools"].empty();
    return profile.streams_tools_with_logprobs || !has_tools || !is_true(input, "logprobs");
}

std::string as_json(std::string_view text) {
    std::string quoted;
    json_text::quote(quoted, text);
    return quoted;
}

std::string stream_options(std::string_view input_json) {
    for (const auto& member : json_text::JsonView(input_json).members()) {
        const bool is_object = member.value.kind() == json_text::JsonKind::kObject;
        if (member.name != "stream_options" || !is_object) continue;
        json_text::ObjectEdit options(member.value.text());
        options.set("include_usage", "true");
        return options.text();
    }
    return R"({"include_usage":true})";
}

}  // namespace

Result<RequestOutline> outline_request(std::string_view input_json) {
    TRY(const auto input, parse_input(input_json));
    RequestOutline outline;
    TRY(outline.kind, request_kind(input));
    const auto route = route_of(outline.kind);
    const auto& asked = input[route.member];
    outline.answers = count_answers(outline.kind, input, count_texts(asked));
    outline.prompt_tokens = static_cast<std::int64_t>(count_tokens(asked));
    outline.output_tokens_max = output_tokens_max(outline.kind, input);
    outline.prefix = prefix_of(outline.kind, asked);
    return outline;
}

Result<EndpointRequest> make_endpoint_request(std::string_view input_json,
                                              const RequestTarget& target) {
    TRY(const auto input, parse_input(input_json));
    TRY(const auto kind, request_kind(input));
    const auto route = route_of(kind);
    const auto& profile = target.profile;
    if (kind == RequestKind::kCompletion && !profile.takes_prompt_lists &&
        input["prompt"].is_array()) {
        return Error{
            ErrorCode::kInvalidArgument,
            fmt::format(
                "'prompt' must be a string: {} takes no lists; submit one job for each prompt",
                profile.name)};
    }
    const bool streams = can_stream(kind, input, profile);
    json_text::ObjectEdit body(input_json);
    body.set("model", as_json(target.model));
    if (streams) {
        body.set("stream", "true");
        body.set("stream_options", stream_options(input_json));
    } else {
        body.erase("stream");
        body.erase("stream_options");
    }
    if (kind == RequestKind::kImages) {
        body.erase("prompt");
        body.rename("image_prompt", "prompt");
    }
    if (!profile.id_member.empty()) body.set(profile.id_member, as_json(target.id));
    return EndpointRequest{.path = route.path, .body = body.text(), .streams = streams};
}

}  // namespace millrace::backends::openai

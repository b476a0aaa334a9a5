#include "worker/backends/openai/endpoint_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/json/json_view.h"
#include "common/json/object_edit.h"
#include "worker/backends/openai/merged.h"

namespace millrace::backends::openai {
namespace {

using json_text::JsonKind;
using json_text::JsonMember;
using json_text::JsonView;
using Members = std::vector<JsonMember>;

constexpr std::size_t kBytesPerToken = 4;
constexpr std::size_t kPrefixBytesMax = 1024;
constexpr std::size_t kPrefixBytesMin = 256;
// More than the levels from a list of messages to the text in a part of one. Each level is scanned
// again.
constexpr int kTextDepthMax = 6;

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
void each_text(const JsonView& value, const std::function<void(std::string_view)>& take,
               int depth = 0) {
    const auto kind = value.kind();
    if (kind == JsonKind::kString) return take(value.string());
    if (depth == kTextDepthMax) return;
    if (kind == JsonKind::kArray) {
        value.each_item([&](const JsonView& item) { each_text(item, take, depth + 1); });
    }
    if (kind != JsonKind::kObject) return;
    std::optional<JsonView> content;
    std::optional<JsonView> text;
    value.each_member([&](const JsonMember& member) {
        if (member.name == "content") content = member.value;
        if (member.name == "text") text = member.value;
        return true;
    });
    if (content) each_text(*content, take, depth + 1);
    if (text) each_text(*text, take, depth + 1);
}

bool is_token_list(const JsonView& asked) {
    if (asked.kind() != JsonKind::kArray) return false;
    const auto first = asked.first_item();
    return first && first->kind() == JsonKind::kNumber;
}

std::optional<std::uint64_t> prefix_of(RequestKind kind, const JsonView& asked) {
    if (!route_of(kind).streams || is_token_list(asked)) return std::nullopt;
    const bool may_have_messages = kind == RequestKind::kChat && asked.kind() == JsonKind::kArray;
    const auto first = may_have_messages ? asked.first_item() : std::nullopt;
    std::string text;
    each_text(first.value_or(asked), [&text](std::string_view part) {
        text += part.substr(0, kPrefixBytesMax - std::min(kPrefixBytesMax, text.size()));
    });
    if (text.size() < kPrefixBytesMin) return std::nullopt;
    return std::hash<std::string>{}(text);
}

// Nothing also if it is negative or no integer; at most kTokensMax.
std::optional<std::int64_t> count_of(const JsonView* value) {
    if (value == nullptr || value->kind() != JsonKind::kNumber) return std::nullopt;
    const auto text = value->text();
    std::uint64_t count = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
    if (parsed.ptr != text.data() + text.size()) return std::nullopt;
    if (parsed.ec == std::errc::result_out_of_range) return kTokensMax;
    return static_cast<std::int64_t>(std::min(count, std::uint64_t{kTokensMax}));
}

void count_texts(const JsonView& asked, RequestOutline& outline) {
    outline.is_list = asked.kind() == JsonKind::kArray;
    // A list of numbers is one text, as tokens.
    if (is_token_list(asked)) {
        outline.prompt_tokens = static_cast<std::int64_t>(asked.size());
        return;
    }
    outline.texts = outline.is_list ? std::max<std::size_t>(asked.size(), 1) : 1;
    std::size_t bytes = 0;
    const auto count = [&bytes](std::string_view text) { bytes += text.size(); };
    if (outline.is_list) {
        asked.each_item([&](const JsonView& item) { each_text(item, count); });
    } else {
        each_text(asked, count);
    }
    outline.prompt_tokens = static_cast<std::int64_t>(bytes / kBytesPerToken);
}

std::optional<std::int64_t> output_tokens_max(RequestKind kind, const Members& input) {
    if (kind == RequestKind::kEmbeddings) return 0;
    auto each = count_of(find(input, "max_completion_tokens"));
    if (!each) each = count_of(find(input, "max_tokens"));
    if (!each) return std::nullopt;
    const auto answers = std::max(count_of(find(input, "n")).value_or(1), std::int64_t{1});
    return std::min(*each * answers, kTokensMax);
}

std::optional<std::size_t> count_answers(RequestKind kind, const Members& input,
                                         std::size_t texts) {
    if (kind == RequestKind::kImages) return std::nullopt;
    const auto* n = find(input, "n");
    if (kind == RequestKind::kEmbeddings || n == nullptr || n->kind() == JsonKind::kNull) {
        return texts;
    }
    const auto each = count_of(n);
    if (!each || *each < 1) return std::nullopt;
    return texts * static_cast<std::size_t>(*each);
}

bool can_stream(const RequestOutline& outline, const Profile& profile) {
    if (!route_of(outline.kind).streams) return false;
    if (!profile.streams_prompt_lists && outline.kind == RequestKind::kCompletion &&
        outline.texts > 1) {
        return false;
    }
    return profile.streams_tools_with_logprobs || !outline.has_tools || !outline.has_logprobs;
}

std::string as_json(std::string_view text) {
    std::string quoted;
    json_text::quote(quoted, text);
    return quoted;
}

std::string stream_options(const JsonView* given) {
    if (given == nullptr || given->kind() != JsonKind::kObject) return R"({"include_usage":true})";
    json_text::ObjectEdit options(given->text());
    options.set("include_usage", "true");
    return options.text();
}

}  // namespace

Result<RequestOutline> outline_request(std::string_view input_json) {
    TRY(const auto input, input_members(input_json));
    RequestOutline outline;
    TRY(outline.kind, request_kind(input));
    const auto& asked = *find(input, route_of(outline.kind).member);
    count_texts(asked, outline);
    outline.prefix = prefix_of(outline.kind, asked);
    outline.answers = count_answers(outline.kind, input, outline.texts);
    outline.output_tokens_max = output_tokens_max(outline.kind, input);
    const auto* tools = find(input, "tools");
    outline.has_tools = tools != nullptr && !is_blank(*tools);
    const auto* logprobs = find(input, "logprobs");
    outline.has_logprobs = logprobs != nullptr && logprobs->text() == "true";
    outline.stream_options = stream_options(find(input, "stream_options"));
    return outline;
}

std::optional<std::uint64_t> request_prefix(std::string_view input_json) {
    const auto input = input_members(input_json);
    if (!input.has_value()) return std::nullopt;
    const auto kind = request_kind(*input);
    if (!kind.has_value()) return std::nullopt;
    return prefix_of(*kind, *find(*input, route_of(*kind).member));
}

Result<EndpointRequest> make_endpoint_request(std::string_view input_json,
                                              const RequestOutline& outline,
                                              const RequestTarget& target) {
    const auto& profile = target.profile;
    if (outline.kind == RequestKind::kCompletion && !profile.takes_prompt_lists &&
        outline.is_list) {
        return Error{
            ErrorCode::kInvalidArgument,
            fmt::format(
                "'prompt' must be a string: {} takes no lists; submit one job for each prompt",
                profile.name)};
    }
    const bool streams = can_stream(outline, profile);
    json_text::ObjectEdit body(input_json);
    body.set("model", as_json(target.model));
    if (streams) {
        body.set("stream", "true");
        body.set("stream_options", outline.stream_options);
    } else {
        body.erase("stream");
        body.erase("stream_options");
    }
    if (outline.kind == RequestKind::kImages) {
        body.erase("prompt");
        body.rename("image_prompt", "prompt");
    }
    if (!profile.id_member.empty()) body.set(profile.id_member, as_json(target.id));
    return EndpointRequest{
        .path = route_of(outline.kind).path, .body = body.text(), .streams = streams};
}

}  // namespace millrace::backends::openai

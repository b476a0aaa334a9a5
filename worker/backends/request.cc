#include "worker/backends/request.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "common/json/json_syntax.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

using json_text::JsonKind;
using json_text::JsonMember;
using json_text::JsonView;

constexpr std::size_t kStopsMax = 16;
// The most that gateway.json_depth_max can allow.
constexpr int kInputDepthMax = 1000;
// No API knows as many, and a list of them takes many times the memory of their text.
constexpr std::size_t kInputMembersMax = 1000;

Error not_json() {
    return invalid("the input is not valid JSON");
}

Error not_an_object() {
    return invalid("the input must be a JSON object");
}

// The member; null if it is absent or null.
const json* member(const json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

const JsonView* member(const std::vector<JsonMember>& object, const char* name) {
    const auto* value = json_text::find(object, name);
    return value == nullptr || value->kind() == JsonKind::kNull ? nullptr : value;
}

template <class Input>
Result<RequestKind> kind_of(const Input& input) {
    constexpr std::array<std::pair<const char*, RequestKind>, 4> kKinds{{
        {"messages", RequestKind::kChat},
        {"prompt", RequestKind::kCompletion},
        {"input", RequestKind::kEmbeddings},
        {"image_prompt", RequestKind::kImages},
    }};
    constexpr auto kNames = "'messages', 'prompt', 'input', 'image_prompt'";
    std::optional<RequestKind> found;
    for (const auto& [name, kind] : kKinds) {
        if (!member(input, name)) continue;
        if (found) return invalid(fmt::format("the input has more than one of {}", kNames));
        found = kind;
    }
    if (!found) return invalid(fmt::format("the input needs one of {}", kNames));
    return *found;
}

Result<std::optional<double>> number(const json& input, const char* name) {
    const auto* value = member(input, name);
    if (!value) return std::optional<double>{};
    if (!value->is_number()) return invalid(fmt::format("'{}' must be a number", name));
    return std::optional(value->get<double>());
}

Result<std::optional<int>> integer(const json& input, const char* name, int min) {
    const auto* value = member(input, name);
    if (!value) return std::optional<int>{};
    constexpr int kMax = 1'000'000'000;
    const bool in_range = value->is_number_integer() && *value >= min && *value <= kMax;
    if (!in_range) {
        return invalid(fmt::format("'{}' must be an integer from {} to {}", name, min, kMax));
    }
    return std::optional(value->get<int>());
}

Result<std::vector<std::string>> stop_strings(const json& input) {
    std::vector<std::string> stops;
    const auto* value = member(input, "stop");
    if (!value) return stops;
    const auto wrong = [] {
        return invalid(
            fmt::format("'stop' must be a string or a list of at most {} strings, none "
                        "of them empty",
                        kStopsMax));
    };
    const json list = value->is_array() ? *value : json::array({*value});
    if (list.size() > kStopsMax) return wrong();
    for (const auto& stop : list) {
        if (!stop.is_string() || stop.get_ref<const std::string&>().empty()) return wrong();
        stops.push_back(stop.get<std::string>());
    }
    return stops;
}

Result<Sampling> parse_sampling(const json& input) {
    Sampling sampling;
    TRY(sampling.max_tokens, integer(input, "max_completion_tokens", 1));
    if (!sampling.max_tokens) {
        TRY(sampling.max_tokens, integer(input, "max_tokens", 1));
    }
    TRY(sampling.temperature, number(input, "temperature"));
    TRY(sampling.top_p, number(input, "top_p"));
    TRY(sampling.top_k, integer(input, "top_k", 0));
    TRY(sampling.min_p, number(input, "min_p"));
    TRY(sampling.stop, stop_strings(input));
    if (sampling.temperature && !(*sampling.temperature >= 0)) {
        return invalid("'temperature' must be 0 or more");
    }
    if (sampling.top_p && !(*sampling.top_p > 0 && *sampling.top_p <= 1)) {
        return invalid("'top_p' must be above 0 and at most 1");
    }
    if (sampling.min_p && !(*sampling.min_p >= 0 && *sampling.min_p <= 1)) {
        return invalid("'min_p' must be from 0 to 1");
    }
    if (const auto* seed = member(input, "seed")) {
        if (!seed->is_number_integer()) return invalid("'seed' must be an integer");
        sampling.seed = static_cast<std::uint32_t>(seed->get<std::int64_t>());
    }
    return sampling;
}

// A message's text: a string, or the text parts of a list of parts.
Result<std::string> message_text(const json& content, std::size_t index, bool& has_media) {
    if (content.is_string()) return content.get<std::string>();
    if (content.is_null()) return std::string();
    const auto wrong = [index] {
        return invalid(
            fmt::format("messages[{}].content must be a string or a list of parts like "
                        "{{\"type\":\"text\",\"text\":\"…\"}}",
                        index));
    };
    if (!content.is_array()) return wrong();
    std::string text;
    for (const auto& part : content) {
        if (!part.is_object()) return wrong();
        const auto type = part.find("type");
        if (type == part.end() || !type->is_string()) return wrong();
        if (*type != "text") {
            has_media = true;
            continue;
        }
        const auto part_text = part.find("text");
        if (part_text == part.end() || !part_text->is_string()) return wrong();
        text += part_text->get_ref<const std::string&>();
    }
    return text;
}

Status parse_messages(const json& messages, ModelRequest& request) {
    if (!messages.is_array() || messages.empty()) {
        return invalid("'messages' must be a list of at least one {\"role\":\"…\",\"content\":…}");
    }
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const auto& message = messages[i];
        const auto* role = message.is_object() ? member(message, "role") : nullptr;
        if (!role || !role->is_string()) {
            return invalid(fmt::format("messages[{}] must be an object with a string 'role'", i));
        }
        TRY(auto text, message_text(message.value("content", json()), i, request.has_media));
        request.messages.push_back({role->get<std::string>(), std::move(text)});
    }
    return ok();
}

Status parse_embedding_input(const json& value, ModelRequest& request) {
    const json list = value.is_array() ? value : json::array({value});
    for (const auto& text : list) {
        if (text.is_string()) request.texts.push_back(text.get<std::string>());
    }
    if (list.empty() || request.texts.size() != list.size()) {
        return invalid("'input' must be a string or a list of at least one string");
    }
    return ok();
}

}  // namespace

Result<json> parse_input(std::string_view input_json) {
    auto input = json::parse(input_json, nullptr, /*allow_exceptions=*/false);
    if (input.is_discarded()) return not_json();
    if (!input.is_object()) return not_an_object();
    // Constructed in place: json converts to anything, so that a plain return would be ambiguous.
    return Result<json>(boost::system::in_place_value, std::move(input));
}

Result<std::vector<JsonMember>> input_members(std::string_view input_json) {
    if (json_text::check_json(input_json, kInputDepthMax)) return not_json();
    const JsonView input(input_json);
    if (input.kind() != JsonKind::kObject) return not_an_object();
    auto members = input.members(kInputMembersMax + 1);
    if (members.size() > kInputMembersMax) {
        return invalid(fmt::format("the input has more than {} members", kInputMembersMax));
    }
    return members;
}

Result<RequestKind> request_kind(const json& input) {
    return kind_of(input);
}

Result<RequestKind> request_kind(const std::vector<JsonMember>& input) {
    return kind_of(input);
}

Result<ModelRequest> parse_request(const json& input) {
    ModelRequest request;
    TRY(request.kind, request_kind(input));
    switch (request.kind) {
        case RequestKind::kChat:
            TRY_STATUS(parse_messages(input["messages"], request));
            break;
        case RequestKind::kCompletion:
            if (!input["prompt"].is_string()) {
                return invalid("'prompt' must be a string; submit one job for each prompt");
            }
            request.texts.push_back(input["prompt"].get<std::string>());
            break;
        case RequestKind::kEmbeddings:
            TRY_STATUS(parse_embedding_input(input["input"], request));
            break;
        case RequestKind::kImages:
            if (!input["image_prompt"].is_string()) {
                return invalid("'image_prompt' must be a string");
            }
            request.texts.push_back(input["image_prompt"].get<std::string>());
            break;
    }
    TRY(request.sampling, parse_sampling(input));
    return request;
}

}  // namespace millrace::backends

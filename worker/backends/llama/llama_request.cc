#include "worker/backends/llama/llama_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "worker/backends/bounded_json.h"
#include "worker/backends/llama/gbnf.h"
#include "worker/backends/llama/json_schema_grammar.h"
#include "worker/backends/outcomes.h"

namespace millrace::backends::llama {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::size_t kBiasesMax = 300;  // OpenAI's.
constexpr float kBiasMax = 100;          // OpenAI's: at this value a token is banned or forced.

// The parameters read here or in request.cc, and those without effect on the text.
constexpr std::array kKnown{"messages",
                            "prompt",
                            "max_tokens",
                            "max_completion_tokens",
                            "temperature",
                            "top_p",
                            "top_k",
                            "min_p",
                            "seed",
                            "stop",
                            "frequency_penalty",
                            "presence_penalty",
                            "repeat_penalty",
                            "repeat_last_n",
                            "logit_bias",
                            "ignore_eos",
                            "response_format",
                            "json_schema",
                            "grammar",
                            "stream",
                            "stream_options",
                            "user",
                            "model",
                            "metadata",
                            "store",
                            "service_tier",
                            "cache_prompt"};
// Harmless at the value that turns them off, and common in requests of client libraries.
constexpr std::array<std::pair<const char*, int>, 4> kOff{
    {{"n", 1}, {"logprobs", 0}, {"echo", 0}, {"best_of", 1}}};

bool is_supported(const std::string& name, const json& value) {
    if (value.is_null()) return true;
    if (std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end()) return true;
    return std::any_of(kOff.begin(), kOff.end(), [&](const auto& entry) {
        if (name != entry.first) return false;
        return value.is_boolean() ? !value.template get<bool>() && entry.second == 0
                                  : value == entry.second;
    });
}

// The member, or null if it is absent or null.
template <class Json>
const Json* member(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

Status read(const json& input, const char* name, float least, float most, float& value) {
    const auto* given = member(input, name);
    if (!given) return ok();
    const bool in_range = given->is_number() && *given >= least && *given <= most;
    if (!in_range) {
        return invalid(fmt::format("'{}' must be a number from {} to {}", name, least, most));
    }
    value = given->get<float>();
    return ok();
}

// {"1734": -100}: the value to add to the logit of each token.
Status read_biases(const json& input, LlamaRequest& request) {
    const auto* biases = member(input, "logit_bias");
    if (!biases) return ok();
    const auto wrong = [] {
        return invalid(fmt::format(
            "'logit_bias' must be an object of at most {} token ids, each with a number from -{} "
            "to {}",
            kBiasesMax, kBiasMax, kBiasMax));
    };
    if (!biases->is_object() || biases->size() > kBiasesMax) return wrong();
    for (const auto& [id, bias] : biases->items()) {
        Token token = 0;
        const auto* end = id.data() + id.size();
        const auto parsed = std::from_chars(id.data(), end, token);
        const bool is_token = parsed.ec == std::errc() && parsed.ptr == end && token >= 0;
        if (!is_token || !bias.is_number() || bias < -kBiasMax || bias > kBiasMax) return wrong();
        const float value = bias.get<float>();
        request.logit_bias.emplace_back(
            token, value == -kBiasMax ? -std::numeric_limits<float>::infinity() : value);
    }
    return ok();
}

// The schema that the output must fit; nothing if any text is allowed. Parsed again in the order of
// its properties, because the output has the same order.
Result<std::optional<ordered_json>> schema_of(const json& input, std::string_view input_json) {
    const auto* format = member(input, "response_format");
    if (!format && !member(input, "json_schema")) return std::optional<ordered_json>{};
    const auto ordered = parse_ordered(input_json);
    if (ordered.is_discarded()) {
        return invalid(
            fmt::format("an object in the input has more than {} members", kOrderedMembersMax));
    }
    if (!format) return std::optional(ordered["json_schema"]);
    const auto wrong = [] {
        return invalid(R"('response_format' must be {"type":"text"}, {"type":"json_object"} or )"
                       R"({"type":"json_schema","json_schema":{"schema":{…}}})");
    };
    if (!format->is_object()) return wrong();
    const auto& details = ordered["response_format"];
    const auto type = details.value("type", ordered_json());
    if (type == "text") return std::optional<ordered_json>{};
    if (type == "json_object") {
        const auto* schema = member(details, "schema");  // The form that llama-server accepts.
        return std::optional(schema ? *schema : ordered_json{{"type", "object"}});
    }
    const auto* named = member(details, "json_schema");
    if (type != "json_schema" || !named || !named->is_object()) return wrong();
    const auto* schema = member(*named, "schema");
    if (!schema) return wrong();
    return std::optional(*schema);
}

Status read_grammar(const json& input, std::string_view input_json, LlamaRequest& request) {
    TRY(const auto schema, schema_of(input, input_json));
    const auto* grammar = member(input, "grammar");
    if (grammar && schema) {
        return invalid("'grammar' and 'response_format' cannot be used together");
    }
    if (schema) {
        TRY(request.grammar, grammar_of_schema(*schema));
    } else if (grammar) {
        if (!grammar->is_string()) return invalid("'grammar' must be a string, in GBNF");
        request.grammar = grammar->get<std::string>();
        TRY_STATUS(check_gbnf(request.grammar));
    }
    return ok();
}

Status read_parameters(const json& input, std::string_view input_json, LlamaRequest& request) {
    constexpr float kTiny = 1e-6F;
    TRY_STATUS(read(input, "repeat_penalty", kTiny, 100, request.repeat_penalty));
    TRY_STATUS(read(input, "frequency_penalty", -2, 2, request.frequency_penalty));
    TRY_STATUS(read(input, "presence_penalty", -2, 2, request.presence_penalty));
    auto last_n = static_cast<float>(request.repeat_last_n);
    TRY_STATUS(read(input, "repeat_last_n", 0, 65536, last_n));
    request.repeat_last_n = static_cast<int>(last_n);
    TRY_STATUS(read_biases(input, request));
    if (const auto* ignore = member(input, "ignore_eos")) {
        if (!ignore->is_boolean()) return invalid("'ignore_eos' must be true or false");
        request.ignore_eos = ignore->get<bool>();
    }
    return read_grammar(input, input_json, request);
}

}  // namespace

std::variant<LlamaRequest, Outcome> parse_llama_request(std::string_view input_json) {
    const auto input = parse_input(input_json);
    if (!input.has_value()) return invalid_input(input.error().message);
    auto model = parse_request(*input);
    if (!model.has_value()) return invalid_input(model.error().message);
    LlamaRequest request{.model = *std::move(model)};
    const auto kind = request.model.kind;
    if (kind == RequestKind::kEmbeddings || kind == RequestKind::kImages) {
        return unsupported_operation(
            "the llama backend generates only text, no embeddings or images; it takes 'messages' "
            "or 'prompt'");
    }
    if (request.model.has_media) {
        return unsupported_operation("the llama backend takes only text, no images or audio");
    }
    for (const auto& [name, value] : input->items()) {
        if (is_supported(name, value)) continue;
        return unsupported_operation(
            fmt::format("the llama backend does not support this value of '{}'", name));
    }
    const auto parameters = read_parameters(*input, input_json, request);
    if (!parameters.has_value()) return invalid_input(parameters.error().message);
    return request;
}

}  // namespace millrace::backends::llama

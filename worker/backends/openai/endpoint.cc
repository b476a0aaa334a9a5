#include "worker/backends/openai/endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "worker/backends/bounded_json.h"
#include "worker/backends/openai/endpoint_request.h"

namespace millrace::backends::openai {
namespace {

using nlohmann::json;

// The bounds of backend.openai.slots.
constexpr std::int64_t kSlotsMax = 100'000;
constexpr std::int64_t kOrderMax = 100;

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto end = std::min(text.find(separator, begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

Result<std::int64_t> number(const std::string& name, const std::string& text, std::int64_t most) {
    std::int64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec != std::errc() || parsed.ptr != end || value < 1 || value > most) {
        return invalid(fmt::format(
            "the option '{}' of a URL in backend.openai.url must be a number from 1 to {}", name,
            most));
    }
    return value;
}

Status set_profile(Endpoint& endpoint, const std::string& name) {
    endpoint.profile = name == "auto" ? nullptr : find_profile(name);
    if (endpoint.profile == nullptr && name != "auto") {
        return invalid(
            fmt::format("'{}' is not a profile; backend.openai.profile and the option profile=… "
                        "of a URL take auto, {}",
                        name, profile_names()));
    }
    return ok();
}

Status set_option(Endpoint& endpoint, const std::string& name, const std::string& value) {
    if (name == "slots") {
        TRY(const auto slots, number(name, value, kSlotsMax));
        endpoint.capacity.slots = static_cast<std::size_t>(slots);
        endpoint.has_slots = true;
    } else if (name == "order") {
        TRY(const auto order, number(name, value, kOrderMax));
        endpoint.capacity.order = static_cast<int>(order);
    } else if (name == "tokens") {
        TRY(endpoint.capacity.tokens, number(name, value, kTokensMax));
    } else if (name == "name" && !value.empty()) {
        endpoint.name = value;
    } else if (name == "profile") {
        return set_profile(endpoint, value);
    } else if (name == "models") {
        TRY(endpoint.models, serving::parse_model_names(split(value, '|')));
    } else {
        return invalid(
            fmt::format("a URL in backend.openai.url has the unknown option '{}'; the options are "
                        "name=…, slots=N, order=N, tokens=N, profile=… and models=A|B",
                        name));
    }
    return ok();
}

}  // namespace

Result<Endpoint> parse_endpoint(const std::string& text, const EndpointDefaults& defaults) {
    const auto parts = split(text, ';');
    Endpoint endpoint;
    TRY(endpoint.base_url, normal_base_url(parts.front()));
    endpoint.name = serving::host_and_port(endpoint.base_url);
    endpoint.capacity.slots = defaults.slots;
    TRY_STATUS(set_profile(endpoint, defaults.profile));
    TRY(endpoint.models, serving::parse_model_names(defaults.models));
    for (std::size_t i = 1; i < parts.size(); ++i) {
        const auto equals = std::min(parts[i].find('='), parts[i].size());
        const auto value = equals < parts[i].size() ? parts[i].substr(equals + 1) : std::string();
        TRY_STATUS(set_option(endpoint, parts[i].substr(0, equals), value));
    }
    return endpoint;
}

Result<std::vector<Endpoint>> parse_endpoints(const std::vector<std::string>& texts,
                                              const EndpointDefaults& defaults) {
    std::vector<Endpoint> endpoints;
    for (const auto& text : texts) {
        TRY(auto endpoint, parse_endpoint(text, defaults));
        const auto same = std::find_if(endpoints.begin(), endpoints.end(), [&](const auto& other) {
            return other.name == endpoint.name;
        });
        if (same != endpoints.end()) {
            return invalid(
                fmt::format("two URLs in backend.openai.url have the name '{}'; remove one, or "
                            "name one with the option ';name=…'",
                            endpoint.name));
        }
        endpoints.push_back(std::move(endpoint));
    }
    if (endpoints.empty()) return invalid("backend.openai.url is empty; give at least one URL");
    return endpoints;
}

std::string root_url(const Endpoint& endpoint) {
    auto root = endpoint.base_url;
    if (root.ends_with("/v1")) root.resize(root.size() - 3);
    return root;
}

Result<std::string> normal_base_url(const std::string& text) {
    TRY(auto url, serving::plain_base_url(text));
    for (const std::string_view route :
         {"/chat/completions", "/completions", "/embeddings", "/models", "/responses"}) {
        if (!url.ends_with(route)) continue;
        return invalid(fmt::format("a URL in backend.openai.url must end before {}: give {}", route,
                                   url.substr(0, url.size() - route.size())));
    }
    const bool has_path = url.find('/', url.find("://") + 3) != std::string::npos;
    return has_path ? url : url + "/v1";
}

Result<std::vector<ServedModel>> parse_model_list(std::string_view body) {
    const auto wrong = [] {
        return Error{
            ErrorCode::kDataCorrupt,
            "the answer to GET /models does not have OpenAI's form {\"data\":[{\"id\":\"…\"},…]}"};
    };
    // A name that is not text costs only its own model.
    const auto list = parse_mended(body, json_text::NotANumber::kRefuse);
    // Together AI sends the array alone.
    const auto data = list.is_object() ? list.value("data", json()) : list;
    if (!data.is_array()) return wrong();
    std::vector<ServedModel> models;
    for (const auto& model : data) {
        const auto id = model.is_object() ? model.find("id") : model.end();
        const bool is_named = model.is_object() && id != model.end() && id->is_string();
        if (!is_named || id->get_ref<const std::string&>().empty()) continue;
        const auto owner = model.find("owned_by");
        const bool is_owned = owner != model.end() && owner->is_string();
        models.push_back({.id = id->get<std::string>(),
                          .owner = is_owned ? owner->get<std::string>() : std::string()});
    }
    if (models.empty() && !data.empty()) return wrong();
    return models;
}

std::optional<std::size_t> parse_slots(std::string_view body) {
    const auto properties = parse_bounded(body);
    if (!properties.is_object()) return std::nullopt;
    const auto slots = properties.find("total_slots");
    if (slots == properties.end() || !slots->is_number_unsigned()) return std::nullopt;
    const auto count = slots->get<std::uint64_t>();
    if (count < 1 || count > static_cast<std::uint64_t>(kSlotsMax)) return std::nullopt;
    return count;
}

std::size_t slots_of(const std::vector<Endpoint>& endpoints) {
    std::map<int, std::size_t> by_order;
    std::size_t most = 0;
    for (const auto& endpoint : endpoints) {
        auto& slots = by_order[endpoint.capacity.order];
        slots += endpoint.capacity.slots;
        most = std::max(most, slots);
    }
    return most;
}

std::vector<EndpointCapacity> capacities_of(const std::vector<Endpoint>& endpoints) {
    std::vector<EndpointCapacity> capacities;
    capacities.reserve(endpoints.size());
    for (const auto& endpoint : endpoints) capacities.push_back(endpoint.capacity);
    return capacities;
}

}  // namespace millrace::backends::openai

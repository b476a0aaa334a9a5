#include "worker/backends/openai/endpoint_request.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

namespace millrace::worker {
namespace {

using nlohmann::json;

Error invalid(std::string message) {
    return {ErrorCode::kInvalidArgument, std::move(message)};
}

struct UrlDeleter {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

// A part of the URL; empty when it has none.
std::string part_of(CURLU* url, CURLUPart part) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
    std::string copy = text;
    curl_free(text);
    return copy;
}

}  // namespace

Result<EndpointRequest> make_endpoint_request(std::string_view input_json,
                                              const std::string& server_model) {
    TRY(auto input, parse_input(input_json));
    EndpointRequest request;
    TRY(request.kind, request_kind(input));
    request.stream = request.kind != RequestKind::kEmbeddings;
    input["model"] = server_model;
    if (request.stream) {
        input["stream"] = true;
        auto& options = input["stream_options"];
        if (!options.is_object()) options = json::object();
        options["include_usage"] = true;
    } else {
        input.erase("stream");
        input.erase("stream_options");
    }
    switch (request.kind) {
        case RequestKind::kChat:
            request.path = "/chat/completions";
            break;
        case RequestKind::kCompletion:
            request.path = "/completions";
            break;
        case RequestKind::kEmbeddings:
            request.path = "/embeddings";
            break;
    }
    request.body = input.dump();
    return request;
}

Result<std::string> normal_base_url(const std::string& text) {
    const std::unique_ptr<CURLU, UrlDeleter> url(curl_url());
    if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
        return invalid("a backend URL is no URL; give one like http://127.0.0.1:8000/v1");
    }
    const auto scheme = part_of(url.get(), CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https") {
        return invalid(
            fmt::format("a backend URL must start with http:// or https://, not {}://", scheme));
    }
    if (!part_of(url.get(), CURLUPART_USER).empty() ||
        !part_of(url.get(), CURLUPART_PASSWORD).empty()) {
        return invalid(
            "a backend URL must not contain a user or password; use the API key setting");
    }
    if (!part_of(url.get(), CURLUPART_QUERY).empty() ||
        !part_of(url.get(), CURLUPART_FRAGMENT).empty()) {
        return invalid("a backend URL must not have a query or fragment");
    }
    auto whole = part_of(url.get(), CURLUPART_URL);
    while (whole.ends_with('/')) whole.pop_back();
    const bool has_path = part_of(url.get(), CURLUPART_PATH) != "/";
    return has_path ? whole : whole + "/v1";
}

Result<std::map<std::string, std::string>> parse_model_names(
    const std::vector<std::string>& names) {
    std::map<std::string, std::string> models;
    for (const auto& name : names) {
        const auto equals = name.find('=');
        const auto alias = name.substr(0, equals);
        const auto server = equals == std::string::npos ? alias : name.substr(equals + 1);
        if (alias.empty() || server.empty()) {
            return invalid(
                fmt::format("'{}' is no model; give 'name' or 'name=server-name'", name));
        }
        if (!models.emplace(alias, server).second) {
            return invalid(fmt::format("the model '{}' is listed twice", alias));
        }
    }
    return models;
}

Result<std::vector<std::string>> parse_model_list(std::string_view body) {
    const auto wrong = [] {
        return Error{ErrorCode::kDataCorrupt,
                     "the answer to GET /models is not OpenAI's {\"data\":[{\"id\":\"…\"},…]}"};
    };
    const auto list = json::parse(body, nullptr, /*allow_exceptions=*/false);
    const auto data = list.is_object() ? list.find("data") : list.end();
    if (!list.is_object() || data == list.end() || !data->is_array()) return wrong();
    std::vector<std::string> ids;
    for (const auto& model : *data) {
        const auto id = model.is_object() ? model.find("id") : model.end();
        if (!model.is_object() || id == model.end() || !id->is_string()) return wrong();
        ids.push_back(id->get<std::string>());
    }
    return ids;
}

}  // namespace millrace::worker

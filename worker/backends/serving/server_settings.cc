#include "worker/backends/serving/server_settings.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "common/base/text.h"

namespace millrace::backends::serving {
namespace {

struct UrlDeleter {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

// A part of the URL; empty if it has none.
std::string part_of(CURLU* url, CURLUPart part) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
    std::string copy = text;
    curl_free(text);
    return copy;
}

}  // namespace

Result<std::string> plain_base_url(const std::string& given) {
    const std::string text(trimmed(given));
    const std::unique_ptr<CURLU, UrlDeleter> url(curl_url());
    if (text.find("://") == std::string::npos) {
        return invalid(
            "a URL in backend.openai.url or backend.oip.url must begin with http:// or https://; "
            "give one like http://127.0.0.1:8000");
    }
    if (const auto code = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0);
        code != CURLUE_OK && code != CURLUE_UNSUPPORTED_SCHEME) {
        return invalid(
            fmt::format("backend.openai.url or backend.oip.url has text that is not a URL ({}); "
                        "give one like http://127.0.0.1:8000",
                        curl_url_strerror(code)));
    }
    const auto scheme = part_of(url.get(), CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https") {
        return invalid(
            fmt::format("a URL in backend.openai.url or backend.oip.url must begin with http:// or "
                        "https://, not {}://",
                        scheme));
    }
    if (!part_of(url.get(), CURLUPART_USER).empty() ||
        !part_of(url.get(), CURLUPART_PASSWORD).empty()) {
        return invalid(
            "a URL in backend.openai.url or backend.oip.url must not contain a user or password; "
            "set backend.openai.api_key or backend.oip.api_key instead");
    }
    if (!part_of(url.get(), CURLUPART_QUERY).empty() ||
        !part_of(url.get(), CURLUPART_FRAGMENT).empty()) {
        return invalid(
            "a URL in backend.openai.url or backend.oip.url must not have a query or fragment");
    }
    auto whole = part_of(url.get(), CURLUPART_URL);
    while (whole.ends_with('/')) whole.pop_back();
    return whole;
}

std::string host_and_port(const std::string& base_url) {
    const std::unique_ptr<CURLU, UrlDeleter> url(curl_url());
    if (curl_url_set(url.get(), CURLUPART_URL, base_url.c_str(), 0) != CURLUE_OK) return {};
    const auto port = part_of(url.get(), CURLUPART_PORT);
    return part_of(url.get(), CURLUPART_HOST) + (port.empty() ? "" : ":" + port);
}

Result<std::string> clean_api_key(const std::string& setting, const std::string& text) {
    const auto key = trimmed(text);
    const bool is_plain = std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; });
    if (is_plain) return std::string(key);
    return invalid(
        fmt::format("{} contains a character that no key has (a space, a line break, a control "
                    "character or one beyond ASCII): check where the key comes from",
                    setting));
}

Result<ModelNames> parse_model_names(const std::vector<std::string>& names) {
    ModelNames models;
    for (const auto& name : names) {
        const auto equals = name.find('=');
        const auto alias = name.substr(0, equals);
        const auto server = equals == std::string::npos ? alias : name.substr(equals + 1);
        if (alias.empty() || server.empty()) {
            return invalid(
                fmt::format("'{}' does not name a model; backend.openai.models, backend.oip.models "
                            "and a URL's option models=… take 'name' or 'name=server-name'",
                            name));
        }
        if (!models.emplace(alias, server).second) {
            return invalid(
                fmt::format("backend.openai.models, backend.oip.models or a URL's option models=… "
                            "has the model '{}' twice",
                            alias));
        }
    }
    return models;
}

}  // namespace millrace::backends::serving

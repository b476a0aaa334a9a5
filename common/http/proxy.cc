#include "common/http/proxy.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/text.h"
#include "common/http/curl_rules.h"

namespace millrace::http {
namespace {

struct ParsedUrlDeleter {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

// Parts of a URL, in lower case; empty if the text is not a URL or lacks the part.
struct UrlParts {
    std::string scheme;
    std::string host;
    std::string port;
};

UrlParts parts_of(const std::string& text) {
    const std::unique_ptr<CURLU, ParsedUrlDeleter> url(curl_url());
    if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
        CURLUE_OK) {
        return {};
    }
    const auto part = [&](CURLUPart which) {
        char* value = nullptr;
        if (curl_url_get(url.get(), which, &value, 0) != CURLUE_OK) return std::string();
        auto found = lower(value);
        curl_free(value);
        return found;
    };
    return {part(CURLUPART_SCHEME), part(CURLUPART_HOST), part(CURLUPART_PORT)};
}

std::string_view value_of(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? value : "";
}

// The first of these variables that is set, and its value.
std::pair<std::string, std::string_view> first_of(const std::vector<std::string>& names) {
    for (const auto& name : names) {
        if (const auto value = value_of(name); !value.empty()) return {name, value};
    }
    return {};
}

bool is_excepted(std::string host) {
    host = std::string(without_brackets(host));
    if (host.ends_with('.')) host.pop_back();
    const bool is_address =
        host.find(':') != std::string::npos ||
        std::ranges::all_of(host, [](unsigned char c) { return std::isdigit(c) != 0 || c == '.'; });
    const auto list = lower(first_of({"no_proxy", "NO_PROXY"}).second);
    std::string_view rest = list;
    while (!rest.empty()) {
        auto entry = rest.substr(0, rest.find_first_of(", "));
        rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
        if (entry == "*") return true;
        if (entry.starts_with('.')) entry.remove_prefix(1);
        if (entry.ends_with('.')) entry.remove_suffix(1);
        if (entry.empty()) continue;
        if (is_address && entry.find('/') != std::string_view::npos) return true;
        if (host == without_brackets(entry)) return true;
        if (!is_address && host.ends_with("." + std::string(entry))) return true;
    }
    return false;
}

}  // namespace

std::string proxy_note(const std::string& url) {
    const auto target = parts_of(url);
    if (target.host.empty() || is_loopback(url) || is_excepted(target.host)) return {};
    std::vector<std::string> names{target.scheme + "_proxy"};
    if (target.scheme == "https") names.emplace_back("HTTPS_PROXY");
    names.insert(names.end(), {"all_proxy", "ALL_PROXY"});
    const auto [name, value] = first_of(names);
    if (name.empty()) return {};
    const bool has_scheme = value.find("://") != std::string_view::npos;
    const auto proxy = parts_of((has_scheme ? "" : "http://") + std::string(value));
    auto shown = proxy.host;
    if (!shown.empty()) shown = " " + proxy.scheme + "://" + shown;
    if (!shown.empty() && !proxy.port.empty()) shown += ":" + proxy.port;
    return "; the request goes through the proxy" + shown + " (" + name + ")";
}

}  // namespace millrace::http

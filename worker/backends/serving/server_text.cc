#include "worker/backends/serving/server_text.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "common/base/text.h"

namespace millrace::backends::serving {

std::string one_line(std::string_view text) {
    constexpr std::size_t kBytesMax = 500;
    auto line = storable(std::string(beginning(text, kBytesMax)));
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return line;
}

std::string title_or_all(std::string_view body) {
    constexpr std::string_view kBegin = "<title>";
    const auto low = lower(body.substr(0, 4096));
    const auto begin = low.find(kBegin);
    const auto end = low.find("</title>");
    if (begin == std::string::npos || end == std::string::npos || end < begin) {
        return one_line(body);
    }
    return one_line(body.substr(begin + kBegin.size(), end - begin - kBegin.size()));
}

std::string place_of(const std::string& url) {
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), &curl_url_cleanup);
    constexpr unsigned kFlags = CURLU_NON_SUPPORT_SCHEME;
    if (curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), kFlags) != CURLUE_OK) return {};
    for (const auto part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_QUERY,
                            CURLUPART_FRAGMENT}) {
        curl_url_set(parts.get(), part, nullptr, 0);
    }
    char* text = nullptr;
    if (curl_url_get(parts.get(), CURLUPART_URL, &text, 0) != CURLUE_OK) return {};
    auto place = one_line(text);
    curl_free(text);
    return place;
}

void redact(std::string& text, std::string_view secret) {
    if (secret.empty()) return;
    constexpr std::string_view kMask = "***";
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
        text.replace(at, secret.size(), kMask);
        at += kMask.size();
    }
    // one_line() may have cut the secret off. Fewer bytes than this reveal nothing.
    constexpr std::size_t kTellingBytesMin = 4;
    for (auto size = std::min(secret.size(), text.size()); size >= kTellingBytesMin; --size) {
        if (!text.ends_with(secret.substr(0, size))) continue;
        text.replace(text.size() - size, size, kMask);
        return;
    }
}

}  // namespace millrace::backends::serving

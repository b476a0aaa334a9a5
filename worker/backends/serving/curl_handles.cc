#include "worker/backends/serving/curl_handles.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <mutex>
#include <string_view>

#include "common/base/check.h"
#include "common/base/text.h"
#include "common/http/curl_rules.h"
#include "worker/backends/serving/server_text.h"

namespace millrace::backends::serving {
namespace {

constexpr long kConnectionSeconds = 60;  // After that, a connection takes no new request.
constexpr long kNameSeconds = 5;         // How long an address is remembered.

std::size_t append_bounded(char* bytes, std::size_t size, std::size_t count, void* answer) {
    auto& text = *static_cast<std::string*>(answer);
    if (text.size() + size * count > kSmallAnswerBytesMax) return 0;
    text.append(bytes, size * count);
    return size * count;
}

// Whether curl can unpack the coding, or need not.
bool is_known_coding(const std::string& name) {
    constexpr std::array kAlways{std::string_view(""), std::string_view("identity"),
                                 std::string_view("none")};
    if (std::ranges::find(kAlways, name) != kAlways.end()) return true;
    const auto features = curl_version_info(CURLVERSION_NOW)->features;
    if (name == "br") return (features & CURL_VERSION_BROTLI) != 0;
    if (name == "zstd") return (features & CURL_VERSION_ZSTD) != 0;
    const bool is_zip = name == "gzip" || name == "x-gzip" || name == "deflate";
    return is_zip && (features & CURL_VERSION_LIBZ) != 0;
}

// Some servers name something that is not a coding, such as UTF-8 or aws-chunked. curl would refuse
// the answer; other clients take it as it is.
std::size_t watch_coding(char* bytes, std::size_t size, std::size_t count, void* handle) {
    constexpr std::string_view kName = "content-encoding:";
    const auto line = lower({bytes, size * count});
    if (!line.starts_with(kName)) return size * count;
    std::string_view rest = std::string_view(line).substr(kName.size());
    while (!rest.empty()) {
        const auto end = std::min(rest.find(','), rest.size());
        if (!is_known_coding(std::string(trimmed(rest.substr(0, end))))) {
            http::set_option(static_cast<CURL*>(handle), CURLOPT_HTTP_CONTENT_DECODING, 0L);
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return size * count;
}

}  // namespace

void init_curl() {
    static std::once_flag once;
    std::call_once(once, [] { CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

void add_header(CurlList& headers, const std::string& line) {
    auto* list = curl_slist_append(headers.get(), line.c_str());
    CHECK(list != nullptr);
    static_cast<void>(headers.release());
    headers.reset(list);
}

CurlList make_headers(const std::string& api_key, const std::string& content_type) {
    CurlList headers;
    add_header(headers, "Content-Type: " + content_type);
    // Prevents waiting for "100 Continue" before a large body.
    add_header(headers, "Expect:");
    add_header(headers, "Accept-Encoding: identity");
    if (!api_key.empty()) add_header(headers, "Authorization: Bearer " + api_key);
    return headers;
}

CurlHandle make_handle(const std::string& url, const curl_slist* headers,
                       const ConnectOptions& connect) {
    CurlHandle handle(curl_easy_init());
    CHECK(handle);
    http::set_option(handle.get(), CURLOPT_URL, url.c_str());
    http::set_option(handle.get(), CURLOPT_HTTPHEADER, headers);
    http::set_option(handle.get(), CURLOPT_PROTOCOLS_STR, "http,https");
    // Accepts everything that curl can unpack; make_headers() asks for no compression.
    http::set_option(handle.get(), CURLOPT_ACCEPT_ENCODING, "");
    http::set_option(handle.get(), CURLOPT_HEADERFUNCTION, &watch_coding);
    http::set_option(handle.get(), CURLOPT_HEADERDATA, static_cast<void*>(handle.get()));
    http::set_option(handle.get(), CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    http::set_option(handle.get(), CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(connect.timeout.count()));
    http::set_option(handle.get(), CURLOPT_MAXLIFETIME_CONN, kConnectionSeconds);
    http::set_option(handle.get(), CURLOPT_DNS_CACHE_TIMEOUT, kNameSeconds);
    http::set_option(handle.get(), CURLOPT_NOSIGNAL, 1L);
    // A server that vanished silently is noticed in about a minute, even if it sends little.
    http::set_option(handle.get(), CURLOPT_TCP_KEEPALIVE, 1L);
    http::set_option(handle.get(), CURLOPT_TCP_KEEPIDLE, 30L);
    http::set_option(handle.get(), CURLOPT_TCP_KEEPINTVL, 10L);
    http::obey_rules(handle.get(), url, connect.ca_file);
    return handle;
}

void set_body(CURL* handle, const std::string& body) {
    http::set_option(handle, CURLOPT_POST, 1L);
    http::set_option(handle, CURLOPT_POSTFIELDS, body.data());
    http::set_option(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
}

void collect_answer(CURL* handle, std::string& text) {
    http::set_option(handle, CURLOPT_WRITEFUNCTION, &append_bounded);
    http::set_option(handle, CURLOPT_WRITEDATA, static_cast<void*>(&text));
}

long status_of(CURL* handle) {
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

milliseconds took_of(CURL* handle) {
    curl_off_t microseconds = 0;
    curl_easy_getinfo(handle, CURLINFO_TOTAL_TIME_T, &microseconds);
    return milliseconds(microseconds / 1000);
}

namespace {

constexpr double kRetryAfterSecondsMax = 24 * 60 * 60;

std::optional<std::string> header_of(CURL* handle, const char* name) {
    curl_header* header = nullptr;
    if (curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
        return std::nullopt;
    }
    return header->value;
}

std::optional<milliseconds> from_seconds(double seconds) {
    if (!(seconds > 0)) return std::nullopt;
    return milliseconds(static_cast<std::int64_t>(std::min(seconds, kRetryAfterSecondsMax) * 1000));
}

// Parses the whole text as a number.
std::optional<double> number_of(const std::string& text) {
    double value = 0;
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    return value;
}

}  // namespace

std::optional<milliseconds> parse_retry_after(const std::string& text, std::int64_t unix_seconds) {
    if (const auto seconds = number_of(text)) return from_seconds(*seconds);
    const auto date = curl_getdate(text.c_str(), nullptr);
    if (date < 0) return std::nullopt;
    return from_seconds(static_cast<double>(date - unix_seconds));
}

std::optional<milliseconds> retry_after_of(CURL* handle) {
    // Finer than the standard's whole seconds; sent by OpenAI and similar servers.
    for (const auto* name : {"retry-after-ms", "llm_provider-retry-after-ms"}) {
        const auto text = header_of(handle, name);
        const auto count = text ? number_of(*text) : std::nullopt;
        if (count) return from_seconds(*count / 1000);
    }
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(system_clock().wall().time_since_epoch());
    for (const auto* name : {"retry-after", "llm_provider-retry-after"}) {
        if (const auto text = header_of(handle, name)) return parse_retry_after(*text, now.count());
    }
    return std::nullopt;
}

std::string location_of(CURL* handle) {
    const char* url = nullptr;
    curl_easy_getinfo(handle, CURLINFO_REDIRECT_URL, &url);
    return url == nullptr ? std::string() : place_of(url);
}

std::optional<bool> should_retry_of(CURL* handle) {
    const auto text = header_of(handle, "x-should-retry");
    if (!text || (*text != "true" && *text != "false")) return std::nullopt;
    return *text == "true";
}

bool was_unanswered(CURL* handle, CURLcode code) {
    const bool was_closed =
        code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR;
    return was_closed && status_of(handle) == 0;
}

bool is_unreachable(CURLcode code) {
    switch (code) {
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_CONNECT:
        case CURLE_OPERATION_TIMEDOUT:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_PROXY:
            return true;
        default:
            return false;
    }
}

}  // namespace millrace::backends::serving

#include "common/http/curl_rules.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string_view>

#include "common/base/check.h"
#include "common/base/text.h"
#include "common/http/proxy.h"

namespace millrace::http {
namespace {

// The first certificate is within this; other kinds of files are not read whole.
constexpr std::streamsize kCaBytesMax = 1 << 20;

struct UrlDeleter {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

// In lower case, without the brackets of IPv6; empty if the text is not a URL.
std::string host_of(const std::string& text) {
    const std::unique_ptr<CURLU, UrlDeleter> url(curl_url());
    char* part = nullptr;
    if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return {};
    if (curl_url_get(url.get(), CURLUPART_HOST, &part, 0) != CURLUE_OK) return {};
    auto host = lower(without_brackets(part));
    curl_free(part);
    return host;
}

const char* variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : nullptr;
}

void set_certificates(CURL* handle, const std::string& ca_file) {
    if (!ca_file.empty()) return set_option(handle, CURLOPT_CAINFO, ca_file.c_str());
    const auto* file = variable("SSL_CERT_FILE");
    const auto* folder = variable("SSL_CERT_DIR");
    if (file != nullptr) set_option(handle, CURLOPT_CAINFO, file);
    if (folder != nullptr) set_option(handle, CURLOPT_CAPATH, folder);
    if (file != nullptr || folder != nullptr) return;
    if (const auto* bundle = variable("CURL_CA_BUNDLE")) set_option(handle, CURLOPT_CAINFO, bundle);
}

// Curl's words for the code, and what to check.
std::string hint_of(CURLcode code, std::string_view ca_setting) {
    const std::string setting(ca_setting);
    const auto by_setting = setting.empty() ? "" : setting + " or ";
    const auto among_settings = setting.empty() ? "" : setting + ", ";
    std::string words = curl_easy_strerror(code);
    switch (code) {
        case CURLE_SSL_CONNECT_ERROR:
            return words + "; does it speak plain http there, not https?";
        case CURLE_PEER_FAILED_VERIFICATION:
            return words + "; if your own CA signed it, set that CA's file with " + by_setting +
                   "SSL_CERT_FILE";
        case CURLE_SSL_CACERT_BADFILE:
            return words + "; check " + among_settings +
                   "CURL_CA_BUNDLE, SSL_CERT_FILE and SSL_CERT_DIR";
        case CURLE_COULDNT_RESOLVE_PROXY:
            return words + "; check http_proxy, https_proxy, all_proxy and no_proxy";
        case CURLE_GOT_NOTHING:
            return words + "; does it speak https there, not plain http?";
        default:
            return words;
    }
}

}  // namespace

bool is_loopback(const std::string& url) {
    auto host = host_of(url);
    if (host.ends_with('.')) host.pop_back();
    if (host == "localhost" || host.ends_with(".localhost")) return true;
    if (host == "::1" || host == "::" || host == "0.0.0.0" || host == "0:0:0:0:0:0:0:1")
        return true;
    constexpr std::string_view kMapped = "::ffff:";
    if (host.starts_with(kMapped)) host = host.substr(kMapped.size());
    // Curl has turned every other form of an IPv4 address into four numbers.
    const bool is_address =
        std::ranges::all_of(host, [](unsigned char c) { return std::isdigit(c) || c == '.'; });
    return is_address && host.starts_with("127.") && std::ranges::count(host, '.') == 3;
}

void obey_rules(CURL* handle, const std::string& url, const std::string& ca_file) {
    // An empty proxy means none, whatever the environment says.
    if (is_loopback(url)) set_option(handle, CURLOPT_PROXY, "");
    set_certificates(handle, ca_file);
}

Status check_ca_file(const std::string& setting, const std::string& path) {
    if (path.empty()) return ok();
    const auto wrong = [&](const std::string& what) {
        return Error{ErrorCode::kInvalidArgument, setting + ": " + path + " " + what};
    };
    std::error_code no_error;
    if (std::filesystem::is_directory(path, no_error)) return wrong("is a folder, not a file");
    std::ifstream file(path, std::ios::binary);
    if (!file) return wrong("cannot be read");
    std::string text(kCaBytesMax, '\0');
    file.read(text.data(), kCaBytesMax);
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.find("CERTIFICATE-----") == std::string::npos) {
        return wrong("has no certificate; give a file in PEM form (-----BEGIN CERTIFICATE-----)");
    }
    return ok();
}

std::string reason_of(CURL* handle, CURLcode code, std::string_view ca_setting) {
    const char* url = nullptr;
    curl_easy_getinfo(handle, CURLINFO_EFFECTIVE_URL, &url);
    return hint_of(code, ca_setting) + (url != nullptr ? proxy_note(url) : "");
}

}  // namespace millrace::http

#include "producer/cli/gateway_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/base/text.h"

namespace millrace::cli {
namespace {

Error refused(std::string reason) {
    return {ErrorCode::kInvalidArgument,
            "the gateway's URL (--url or MILLRACE_URL) " + std::move(reason)};
}

bool is_port(std::string_view text) {
    int port = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), port);
    return result.ec == std::errc() && result.ptr == text.data() + text.size() && port >= 1 &&
           port <= 65535;
}

Status check_authority(std::string_view authority) {
    std::string_view host = authority;
    std::string_view port;
    if (authority.starts_with('[')) {
        const auto end = authority.find(']');
        if (end == std::string_view::npos) return refused("has a [ without its ]");
        host = authority.substr(1, end - 1);
        port = authority.substr(end + 1);
        if (!port.empty() && !port.starts_with(':')) return refused("has more after its ]");
    } else if (std::ranges::count(authority, ':') > 1) {
        return refused("names an IPv6 address without brackets: write http://[::1]:8080");
    } else if (const auto colon = authority.find(':'); colon != std::string_view::npos) {
        host = authority.substr(0, colon);
        port = authority.substr(colon);
    }
    if (host.empty()) return refused("has no host");
    if (!port.empty() && !is_port(port.substr(1))) {
        return refused(
            fmt::format("has the port '{}': a port is a number from 1 to 65535", port.substr(1)));
    }
    return ok();
}

}  // namespace

Result<std::string> gateway_url(std::string_view text) {
    text = trimmed(text);
    const auto separator = text.find("://");
    const auto scheme = separator == std::string_view::npos ? "http" : text.substr(0, separator);
    auto rest = separator == std::string_view::npos ? text : text.substr(separator + 3);
    const auto authority = rest.substr(0, rest.find_first_of("/?#"));
    if (text.find('@') != std::string_view::npos) {  // A password may contain a slash.
        return refused("contains a user or a password; configure those in a proxy, not in the URL");
    }
    if (scheme != "http" && scheme != "https") return refused("must begin with http or https");
    const auto is_odd = [](char c) { return c <= ' ' || static_cast<unsigned char>(c) > 0x7e; };
    if (std::ranges::any_of(rest, is_odd)) return refused("contains spaces or invalid characters");
    if (rest.find_first_of("?#") != std::string_view::npos) {
        return refused("has a query; it must end with the host, the port or a path");
    }
    TRY_STATUS(check_authority(authority));
    while (rest.ends_with('/')) rest.remove_suffix(1);
    if (rest.size() > authority.size() && rest.ends_with("/v1")) rest.remove_suffix(3);
    while (rest.ends_with('/')) rest.remove_suffix(1);
    return fmt::format("{}://{}", scheme, rest);
}

}  // namespace millrace::cli

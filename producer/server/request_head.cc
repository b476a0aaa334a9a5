#include "producer/server/request_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>

#include "common/base/text.h"
#include "producer/server/header_values.h"

namespace millrace::server {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

std::string_view view(beast::string_view text) {
    return {text.data(), text.size()};
}

Problem malformed(std::string detail) {
    return {ProblemCode::kMalformedRequest, std::move(detail), {}};
}

std::optional<Problem> transfer_encoding_problem(const RequestParser::value_type& message) {
    const auto count = message.count(http::field::transfer_encoding);
    if (count == 0) return std::nullopt;
    if (message.version() < 11) {
        return malformed("HTTP/1.0 has no Transfer-Encoding; send a Content-Length.");
    }
    if (count > 1 || message.count(http::field::content_length) > 0) {
        return malformed(
            "The length of the body is given twice; send a Content-Length or one "
            "Transfer-Encoding: chunked.");
    }
    const auto coding = message[http::field::transfer_encoding];
    if (beast::iequals(coding, "chunked")) return std::nullopt;
    return Problem{ProblemCode::kUnsupportedTransferEncoding,
                   "The Transfer-Encoding is not known; send chunked, or a Content-Length.",
                   {}};
}

Method method_of(http::verb verb) {
    switch (verb) {
        case http::verb::get:
            return Method::kGet;
        case http::verb::head:
            return Method::kHead;
        case http::verb::post:
            return Method::kPost;
        case http::verb::put:
            return Method::kPut;
        case http::verb::options:
            return Method::kOptions;
        default:
            return Method::kOther;
    }
}

struct Target {
    std::optional<std::string_view> authority;
    std::string_view path;  // And query.
};

// A proxy sends "http://host/path"; the host is ignored.
Target split(std::string_view target) {
    constexpr std::string_view kScheme = "http://";
    if (!beast::iequals(target.substr(0, kScheme.size()), kScheme)) return {{}, target};
    const auto rest = target.substr(kScheme.size());
    const auto path = std::min(rest.find_first_of("/?"), rest.size());
    return {rest.substr(0, path), path == rest.size() ? "/" : rest.substr(path)};
}

// RFC 9112, section 3.2. Programs in front of this one may have read another path.
std::optional<Problem> target_problem(const RequestParser::value_type& message) {
    const auto target = view(message.target());
    const auto is_foreign = [](char c) { return c <= ' ' || c >= 0x7F || c == '#'; };
    if (std::ranges::any_of(target, is_foreign)) {
        return malformed("Escape what is not ASCII in the path and the query, and #, as %XX.");
    }
    const auto [authority, path] = split(target);
    const bool is_server = target == "*" && message.method() == http::verb::options;
    if (authority ? is_host(*authority) : path.starts_with('/') || is_server) return std::nullopt;
    return malformed("Send a path that begins with a slash.");
}

std::optional<Problem> host_problem(const RequestParser::value_type& message) {
    const auto hosts = message.count(http::field::host);
    if (hosts > 1 || (hosts == 0 && message.version() >= 11)) {
        return malformed("Send exactly one Host field.");
    }
    if (hosts == 0 || is_host(view(message[http::field::host]))) return std::nullopt;
    return malformed("Send a Host field with a name or an address, and perhaps a port.");
}

// Joins all fields of a name into one list.
std::string joined(const RequestParser::value_type& message, http::field name) {
    std::string list;
    const auto [first, last] = message.equal_range(name);
    for (auto it = first; it != last; ++it) {
        if (!list.empty()) list += ", ";
        list += view(it->value());
    }
    return list;
}

}  // namespace

Problem parse_problem(const beast::error_code& error, std::size_t header_bytes_max) {
    if (error == http::error::header_limit) {
        return {ProblemCode::kHeaderTooLarge,
                fmt::format("The request line or the header is larger than {} bytes.",
                            header_bytes_max),
                {}};
    }
    return malformed(
        fmt::format("The request is not valid HTTP/1.1 or HTTP/1.0: {}.", error.message()));
}

std::optional<Problem> line_problem(std::string_view head) {
    for (auto end = head.find("\r\n"); end != std::string_view::npos;
         end = head.find("\r\n", end)) {
        end += 2;
        if (end < head.size() && (head[end] == ' ' || head[end] == '\t')) {
            return malformed("A header field goes on in the next line; send each in one line.");
        }
    }
    return std::nullopt;
}

std::optional<Problem> framing_problem(const RequestParser& parser) {
    const auto& message = parser.get();
    if (auto problem = target_problem(message)) return problem;
    if (auto problem = host_problem(message)) return problem;
    // Beast accepts several equal lengths; other readers may use the first or the last. Some take
    // digits after a zero for octal ones.
    const auto length = view(message[http::field::content_length]);
    if (message.count(http::field::content_length) > 1 || !std::ranges::all_of(length, is_digit) ||
        (length.size() > 1 && length.front() == '0')) {
        return malformed("Send exactly one Content-Length, in digits.");
    }
    if (auto problem = transfer_encoding_problem(message)) return problem;
    // Otherwise one of two values would be dropped silently.
    for (const auto* name : {"Content-Type", "Idempotency-Key"}) {
        if (message.count(name) > 1) return malformed(fmt::format("Send {} once.", name));
    }
    const auto expect = message[http::field::expect];
    if (!expect.empty() && !beast::iequals(expect, "100-continue")) {
        return Problem{ProblemCode::kExpectationFailed, "Only Expect: 100-continue is known.", {}};
    }
    return std::nullopt;
}

bool expects_continue(const RequestParser& parser) {
    return parser.get().version() >= 11 && parser.get().count(http::field::expect) > 0;
}

bool is_chunked(const RequestParser& parser) {
    return parser.get().count(http::field::transfer_encoding) > 0;
}

Request read_head(const RequestParser& parser) {
    const auto& message = parser.get();
    Request request{.method = method_of(message.method())};
    const auto target = split(view(message.target())).path;
    const auto path = target.substr(0, target.find('?'));
    request.path = percent_decode(path, false).value_or(std::string(path));
    if (path.size() < target.size()) request.query = target.substr(path.size() + 1);
    request.prefer = joined(message, http::field::prefer);
    request.idempotency_key = view(message["Idempotency-Key"]);
    request.retry_count = view(message["X-Stainless-Retry-Count"]);
    if (!request.retry_count.empty()) {
        request.sdk_timeout = view(message["X-Stainless-Read-Timeout"]);
        if (request.sdk_timeout.empty()) request.sdk_timeout = view(message["X-Stainless-Timeout"]);
    }
    request.if_none_match = joined(message, http::field::if_none_match);
    request.accept_encoding = joined(message, http::field::accept_encoding);
    request.last_event_id = view(message["Last-Event-ID"]);
    request.content_type = view(message[http::field::content_type]);
    request.content_encoding = joined(message, http::field::content_encoding);
    request.has_origin = message.count(http::field::origin) > 0;
    const auto connection = lower(joined(message, http::field::connection));
    request.asks_to_stay = connection.find("keep-alive") != std::string::npos;
    return request;
}

}  // namespace millrace::server

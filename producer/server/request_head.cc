#include "producer/server/request_head.h"

#include <fmt/format.h>

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

// A proxy sends "http://host/path"; the host is ignored.
std::string_view without_authority(std::string_view target) {
    constexpr std::string_view kScheme = "http://";
    if (!beast::iequals(target.substr(0, kScheme.size()), kScheme)) return target;
    const auto path = target.find_first_of("/?", kScheme.size());
    return path == std::string_view::npos ? "/" : target.substr(path);
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

std::optional<Problem> framing_problem(const RequestParser& parser) {
    const auto& message = parser.get();
    const auto hosts = message.count(http::field::host);
    if (hosts > 1 || (hosts == 0 && message.version() >= 11)) {
        return malformed("Send exactly one Host field.");
    }
    // Beast accepts several equal lengths; other readers may use the first or the last.
    const auto length = view(message[http::field::content_length]);
    if (message.count(http::field::content_length) > 1 ||
        length.find_first_not_of("0123456789") != std::string_view::npos) {
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
    const auto target = without_authority(view(message.target()));
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

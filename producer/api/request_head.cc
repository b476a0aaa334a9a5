#include "producer/api/request_head.h"

#include <fmt/format.h>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>

#include "producer/api/header_values.h"

namespace millrace::api {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

std::string_view view(beast::string_view text) {
    return {text.data(), text.size()};
}

Problem malformed(std::string detail) {
    return {ProblemCode::kMalformedRequest, std::move(detail), {}};
}

// Only bodies of known length are taken, so what is left is to say which mistake it was.
std::optional<Problem> transfer_encoding_problem(const RequestParser::value_type& message) {
    const auto count = message.count(http::field::transfer_encoding);
    if (count == 0) return std::nullopt;
    if (message.version() < 11) {
        return malformed("HTTP/1.0 has no Transfer-Encoding; send a Content-Length.");
    }
    if (count > 1 || message.count(http::field::content_length) > 0) {
        return malformed("The length of the body is given twice; send only a Content-Length.");
    }
    const auto coding = message[http::field::transfer_encoding];
    if (beast::iequals(coding, "chunked")) {
        return Problem{ProblemCode::kLengthRequired,
                       "Chunked request bodies are not taken; send a Content-Length.",
                       {}};
    }
    return Problem{ProblemCode::kUnsupportedTransferEncoding,
                   "The Transfer-Encoding is not known; send a Content-Length.",
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

// "http://host/path" is what a proxy sends; the host is not looked at.
std::string_view without_authority(std::string_view target) {
    constexpr std::string_view kScheme = "http://";
    if (!target.starts_with(kScheme)) return target;
    const auto slash = target.find('/', kScheme.size());
    return slash == std::string_view::npos ? "/" : target.substr(slash);
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
    // Beast takes a list of equal lengths; others may take its first or its last.
    const auto length = view(message[http::field::content_length]);
    if (message.count(http::field::content_length) > 1 ||
        length.find_first_not_of("0123456789") != std::string_view::npos) {
        return malformed("Send exactly one Content-Length, in digits.");
    }
    if (auto problem = transfer_encoding_problem(message)) return problem;
    const auto expect = message[http::field::expect];
    if (!expect.empty() && !beast::iequals(expect, "100-continue")) {
        return Problem{ProblemCode::kExpectationFailed, "Only Expect: 100-continue is known.", {}};
    }
    return std::nullopt;
}

bool expects_continue(const RequestParser& parser) {
    return parser.get().version() >= 11 && parser.get().count(http::field::expect) > 0;
}

Request read_head(const RequestParser& parser) {
    const auto& message = parser.get();
    Request request{.method = method_of(message.method())};
    const auto target = without_authority(view(message.target()));
    const auto path = target.substr(0, target.find('?'));
    request.path = percent_decode(path, false).value_or(std::string(path));
    if (path.size() < target.size()) request.query = target.substr(path.size() + 1);
    const auto [first, last] = message.equal_range(http::field::prefer);
    for (auto it = first; it != last; ++it) {
        if (!request.prefer.empty()) request.prefer += ", ";
        request.prefer += view(it->value());
    }
    request.idempotency_key = view(message["Idempotency-Key"]);
    request.retry_count = view(message["X-Stainless-Retry-Count"]);
    if (!request.retry_count.empty()) {
        request.sdk_timeout = view(message["X-Stainless-Read-Timeout"]);
        if (request.sdk_timeout.empty()) request.sdk_timeout = view(message["X-Stainless-Timeout"]);
    }
    request.if_none_match = view(message[http::field::if_none_match]);
    request.content_type = view(message[http::field::content_type]);
    request.content_encoding = view(message[http::field::content_encoding]);
    return request;
}

}  // namespace millrace::api

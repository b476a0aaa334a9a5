// A request's header as Beast parsed it: what is wrong with it, and what the routes need of it.
//
// Beast 1.81 lets through headers that can hide one request in another, such as a Transfer-Encoding
// beside a Content-Length: every such request is refused here and its connection closed.
// tests/unit/api/http_rules_test.cc has the list.
//
// Threads: pure.
#pragma once

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "producer/api/exchange.h"

namespace millrace::api {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

// Of bytes that are no header at all.
Problem parse_problem(const boost::beast::error_code& error, std::size_t header_bytes_max);

// Requires of each: the header is complete.
std::optional<Problem> framing_problem(const RequestParser& parser);
bool expects_continue(const RequestParser& parser);
bool is_chunked(const RequestParser& parser);
Request read_head(const RequestParser& parser);

}  // namespace millrace::api

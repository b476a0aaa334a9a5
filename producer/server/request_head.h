// Checks a request's header as parsed by Beast, and extracts what the routes need.
//
// Beast 1.81 accepts headers that can hide one request in another, such as two equal
// Content-Lengths. Every such request is refused here and its connection closed; the list is in
// tests/unit/server/http_cases_test.cc.
//
// Threads: pure.
#pragma once

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <string_view>

#include "producer/server/exchange.h"

namespace millrace::server {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

// The problem for bytes that are not a valid header.
Problem parse_problem(const boost::beast::error_code& error, std::size_t header_bytes_max);

// The problem with the form of the lines that the parser has just taken, whole lines of a header.
// Beast joins a field that goes on in the next line, which other readers may take for two.
std::optional<Problem> line_problem(std::string_view head);

// Each of these requires a complete header.
std::optional<Problem> framing_problem(const RequestParser& parser);
bool expects_continue(const RequestParser& parser);
bool is_chunked(const RequestParser& parser);
Request read_head(const RequestParser& parser);

}  // namespace millrace::server

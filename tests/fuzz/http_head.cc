// The head of a request. What is accepted has one length by the strictest reading of its lines.
#include <array>
#include <boost/asio/buffer.hpp>
#include <optional>
#include <string>

#include "producer/server/header_values.h"
#include "producer/server/request_head.h"
#include "tests/fuzz/fuzz.h"

namespace millrace::fuzz {
namespace {

constexpr std::size_t kHeaderBytesMax = 2048;

// What the lines say about the body's length and the host.
struct Length {
    std::size_t lengths = 0;
    std::size_t codings = 0;
    std::size_t hosts = 0;
    std::string length;
    std::string coding;
};

// Nothing if a strict reader refuses the lines.
std::optional<Length> length_of(std::string_view head) {
    Length found;
    bool is_first = true;
    while (true) {
        const auto end = head.find("\r\n");
        if (end == std::string_view::npos) return std::nullopt;
        const auto line = head.substr(0, end);
        head.remove_prefix(end + 2);
        if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
            return std::nullopt;
        }
        if (std::exchange(is_first, false)) continue;
        if (line.empty()) return head.empty() ? std::optional(found) : std::nullopt;
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0) return std::nullopt;
        const auto name = line.substr(0, colon);
        if (name.find_first_of(" \t") != std::string_view::npos) return std::nullopt;
        const auto value = server::trim(line.substr(colon + 1));
        if (lower(name) == "content-length") {
            ++found.lengths;
            found.length = value;
        } else if (lower(name) == "transfer-encoding") {
            ++found.codings;
            found.coding = lower(value);
        } else if (lower(name) == "host") {
            ++found.hosts;
        }
    }
}

void expect_one_length(const server::RequestParser& parser, std::string_view head) {
    const auto length = length_of(head);
    expect(length.has_value() && length->lengths + length->codings <= 1);
    expect(server::is_chunked(parser) == (length->codings == 1));
    if (length->codings == 1) expect(length->coding == "chunked");
    if (length->lengths == 1) {
        expect(std::to_string(parser.content_length().value()) == length->length);
    } else {
        expect(parser.content_length().value_or(0) == 0);
    }
    expect(length->hosts == 1 || (length->hosts == 0 && parser.get().version() == 10));
}

}  // namespace

void read(std::string_view input) {
    server::RequestParser parser;
    parser.header_limit(kHeaderBytesMax);
    parser.body_limit(boost::none);
    boost::beast::error_code error;
    const auto size = parser.put(boost::asio::buffer(input.data(), input.size()), error);
    const auto head = input.substr(0, size);
    const bool has_line_problem = server::line_problem(head).has_value();
    if (error) {
        static_cast<void>(server::parse_problem(error, kHeaderBytesMax));
        return;
    }
    if (has_line_problem || server::framing_problem(parser)) return;
    expect_one_length(parser, head);
    const auto request = server::read_head(parser);
    expect(is_storable(request.path));
    static_cast<void>(server::expects_continue(parser));
}

}  // namespace millrace::fuzz

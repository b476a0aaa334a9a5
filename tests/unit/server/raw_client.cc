#include "tests/unit/server/raw_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace millrace::test {
namespace {

std::string lower(std::string text) {
    for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

std::map<std::string, std::string> parse_headers(std::string_view head) {
    std::map<std::string, std::string> headers;
    for (auto at = head.find("\r\n"); at != std::string_view::npos;) {
        const auto line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
        const auto colon = line.find(": ");
        if (colon != std::string_view::npos) {
            headers[lower(std::string(line.substr(0, colon)))] = line.substr(colon + 2);
        }
        at = head.find("\r\n", at + 2);
    }
    return headers;
}

}  // namespace

RawClient::RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval timeout{.tv_sec = 30, .tv_usec = 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
}

RawClient::~RawClient() {
    if (socket_ >= 0) ::close(socket_);
}

RawClient::RawClient(RawClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), received_(std::move(other.received_)) {}

bool RawClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void RawClient::finish_sending() {
    ::shutdown(socket_, SHUT_WR);
}

bool RawClient::read_more() {
    std::array<char, 16384> chunk{};
    const auto bytes = ::recv(socket_, chunk.data(), chunk.size(), 0);
    EXPECT_FALSE(bytes < 0 && errno == EAGAIN) << "nothing came for half a minute";
    if (bytes <= 0) return false;
    received_.append(chunk.data(), static_cast<std::size_t>(bytes));
    return true;
}

RawResponse RawClient::response(bool to_head) {
    const auto head = read_until("\r\n\r\n");
    RawResponse response{.headers = parse_headers(head)};
    if (head.size() > 12) response.status = std::stoi(head.substr(9, 3));
    const auto length = response.headers.find("content-length");
    if (to_head || length == response.headers.end()) return response;
    const auto size = std::stoul(length->second);
    while (received_.size() < size && read_more()) {
    }
    response.body = received_.substr(0, size);
    received_.erase(0, size);
    return response;
}

RawResponse RawClient::exchange(std::string_view request) {
    EXPECT_TRUE(send(request));
    return response();
}

std::string RawClient::read_until(std::string_view text) {
    while (true) {
        const auto found = received_.find(text);
        if (found != std::string::npos) {
            auto part = received_.substr(0, found + text.size());
            received_.erase(0, found + text.size());
            return part;
        }
        if (read_more()) continue;
        ADD_FAILURE() << "the stream ended before \"" << text << "\": " << received_;
        return std::exchange(received_, {});
    }
}

std::string RawClient::read_all() {
    while (read_more()) {
    }
    return std::exchange(received_, {});
}

bool RawClient::is_closed_by_server() {
    return received_.empty() && !read_more();
}

std::string get_request(std::string_view target, std::string_view headers) {
    return fmt::format("GET {} HTTP/1.1\r\nHost: t\r\n{}\r\n", target, headers);
}

std::string post_request(std::string_view target, std::string_view body, std::string_view headers) {
    return fmt::format(
        "POST {} HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
        "{}\r\n{}\r\n{}",
        target, body.size(), headers, body);
}

}  // namespace millrace::test

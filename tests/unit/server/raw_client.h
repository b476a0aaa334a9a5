// A client that sends exactly the given bytes, over a socket of its own.
//
// Blocks: reads, for up to half a minute; a test that reads longer fails.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace millrace::test {

struct RawResponse {
    int status = 0;
    std::map<std::string, std::string> headers;  // Names in lower case.
    std::string body;

    // Returns the header's value; empty if it is missing.
    std::string header(const std::string& name) const {
        const auto found = headers.find(name);
        return found == headers.end() ? std::string() : found->second;
    }
};

class RawClient {
 public:
    explicit RawClient(std::uint16_t port);
    ~RawClient();
    RawClient(RawClient&& other) noexcept;
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    // Returns false if the server has closed the connection.
    bool send(std::string_view bytes);
    // Closes our side of the connection for sending.
    void finish_sending();

    // Reads the next response; its body by Content-Length, or none for an answer to HEAD.
    RawResponse response(bool to_head = false);
    RawResponse exchange(std::string_view request);

    // Reads until the text has come; returns everything up to its end. Fails the test at the end of
    // the stream.
    std::string read_until(std::string_view text);
    // Reads everything until the server closes the connection.
    std::string read_all();
    // Returns whether the server closes the connection without sending more.
    bool is_closed_by_server();

 private:
    bool read_more();

    int socket_ = -1;
    std::string received_;
};

// Returns "GET /path HTTP/1.1" with a Host and the further header lines, each ending in CRLF.
std::string get_request(std::string_view target, std::string_view headers = {});
std::string post_request(std::string_view target, std::string_view body,
                         std::string_view headers = {});

}  // namespace millrace::test

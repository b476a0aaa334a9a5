// A client that sends exactly the bytes it is told to, over a socket of its own.
//
// Blocks: reads, up to half a minute; a test that reads longer fails.
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

    // Empty where it is missing.
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

    // False where the server has closed.
    bool send(std::string_view bytes);
    // Ends our side of the connection.
    void finish_sending();

    // The next response; its body by Content-Length, or none for an answer to HEAD.
    RawResponse response(bool to_head = false);
    RawResponse exchange(std::string_view request);

    // Reads on until the text was seen; returns everything up to its end. Fails the test at the
    // end of the stream.
    std::string read_until(std::string_view text);
    // Everything until the server closes.
    std::string read_all();
    // Whether the server closes without sending more.
    bool is_closed_by_server();

 private:
    bool read_more();

    int socket_ = -1;
    std::string received_;
};

// "GET /path HTTP/1.1" with a Host and the further header lines, each ending in CRLF.
std::string get_request(std::string_view target, std::string_view headers = {});
std::string post_request(std::string_view target, std::string_view body,
                         std::string_view headers = {});

}  // namespace millrace::test

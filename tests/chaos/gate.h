// A stretch of network that can be broken: forwards connections from one address to another, and
// can cut them, hold them or delay them.
//
// Addresses are "PORT" of 127.0.0.1 or the path of a Unix socket.
//
// Threads:   thread-safe; one thread of its own.
// Errors:    an address that cannot be listened on throws std::runtime_error. A target that cannot
//            be reached looks to clients like a connection that is closed at once.
// Blocks:    the setters, until what they say holds.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

namespace millrace::chaos {

class Gate {
 public:
    static std::unique_ptr<Gate> on_free_port();
    static std::unique_ptr<Gate> on_socket(const std::filesystem::path& path);

    ~Gate();

    int port() const;  // Of a gate on a port.

    // Where connections go from now on.
    void lead_to_port(int port);
    void lead_to_socket(const std::filesystem::path& path);

    // Everything passes at once. What was held or delayed passes too, in its order.
    void open();
    // Connections are reset, new ones too.
    void cut();
    // Nothing passes and nothing is closed, as if all packets were lost for a while.
    void hold();
    // Everything takes this much longer, in each direction.
    void delay(std::chrono::milliseconds time);

 private:
    class Relay;
    explicit Gate(std::unique_ptr<Relay> relay);

    std::unique_ptr<Relay> relay_;
};

}  // namespace millrace::chaos

// A stretch of network that can be broken: forwards connections from one address to another, and
// can cut, hold or delay them.
//
// Addresses are "PORT" of 127.0.0.1 or the path of a Unix socket.
//
// Threads:   thread-safe; one thread of its own.
// Errors:    an address that cannot be listened on throws std::runtime_error. If the target cannot
//            be reached, clients see a connection that closes at once.
// Blocks:    the setters, until they have taken effect.
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

    int port() const;  // For a gate on a port.

    // Sets where connections go from now on.
    void lead_to_port(int port);
    void lead_to_socket(const std::filesystem::path& path);

    // Everything passes at once. Data that were held or delayed pass too, in their order.
    void open();
    // Connections are reset, including new ones.
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

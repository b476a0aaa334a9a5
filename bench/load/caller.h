// A load generator's callers: each has one keep-alive connection, sends a request, waits for the
// answer, and sends the next. They use the socket without a library, so that the gateway is what is
// measured.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace millrace::bench {

// One connection to 127.0.0.1. Throws std::runtime_error if it breaks.
class Caller {
 public:
    explicit Caller(int port);
    ~Caller();
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;

    // Sends the bytes of one request and reads the whole answer; returns its status.
    int exchange(const std::string& request);
    const std::string& body() const { return body_; }

    // The two halves of exchange(). receive() reads once: it returns the status when it has the
    // whole answer.
    void send(const std::string& request);
    std::optional<int> receive();
    int descriptor() const { return fd_; }

 private:
    int fd_;
    std::string received_;
    std::string body_;
};

// Returns the bytes of a POST with a JSON body; `headers` are additional ones, each with its line
// end.
std::string post(const std::string& path, const std::string& body, const std::string& headers = {});

// Runs this many callers at once, each on a thread of its own: `talk` gets its connection and its
// number. Returns when all have ended; then rethrows what the first failed caller threw.
void run_callers(int port, int callers, const std::function<void(Caller&, int)>& talk);

struct Load {
    int port = 0;
    int callers = 32;
    std::size_t requests = 1000;  // By all callers together.
    std::string request;          // The bytes, the same each time.
    int expected_status = 202;
};

// Runs the load to its end and returns the seconds it took. All callers share one thread: a thread
// each would cost as much as what is measured. Throws on any other status.
double run_load(const Load& load);

}  // namespace millrace::bench

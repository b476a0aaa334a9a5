// An HTTP server on a port of the loopback interface. The test decides its answers, including half
// an answer, none, or one that never ends. With an identity it speaks https.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/runtime/thread.h"
#include "tests/support/tls_identity.h"

namespace millrace::test {

// One request, and the connection to answer it on. Only the server's thread for that connection
// uses it.
class Exchange {
 public:
    // `tls` null: unencrypted.
    Exchange(int fd, SSL* tls, std::string head, std::string body)
        : fd_(fd), tls_(tls), head_(std::move(head)), body_(std::move(body)) {}

    const std::string& body() const { return body_; }
    std::string target() const;                         // "POST /v1/completions"
    std::string header(const std::string& name) const;  // `name` in lower case; empty if absent.

    void send(const std::string& bytes);
    // Sends a whole answer; `headers` are whole lines, each with its end.
    void reply(int status, const std::string& content_type, const std::string& body,
               const std::string& headers = {});
    void begin_stream();
    void event(const std::string& data);
    void stream_bytes(const std::string& bytes);  // In one chunk, unchanged.
    void end_stream();
    // Returns true when the client closes the connection; false after a time that only a bug takes.
    bool wait_for_close();
    // Ends the use of the connection.
    void close() { closed_ = true; }
    bool closed() const { return closed_; }

 private:
    const int fd_;
    SSL* const tls_;
    const std::string head_;
    const std::string body_;
    bool closed_ = false;
};

struct FakeServerOptions {
    int port = 0;  // 0: any free one.
    std::shared_ptr<const TlsIdentity> identity = nullptr;
};

class FakeServer {
 public:
    using Handler = std::function<void(Exchange&)>;

    explicit FakeServer(Handler handler, FakeServerOptions options = {});
    ~FakeServer();

    std::string url() const;
    int connections() const;
    int requests() const;

 private:
    void accept_all();
    void serve(int fd);

    const Handler handler_;
    const FakeServerOptions options_;
    int listener_ = -1;
    int port_ = 0;

    mutable std::mutex mutex_;
    // Guarded by mutex_.
    bool stopping_ = false;
    int connections_ = 0;
    int requests_ = 0;
    std::set<int> open_;
    std::vector<runtime::Thread> servers_;

    runtime::Thread acceptor_;
};

// Returns a port that nothing listens on.
int unused_port();

}  // namespace millrace::test

#include "tests/chaos/gate.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "common/process/fd.h"

namespace millrace::chaos {
namespace {

using process::Fd;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// The buffer of one direction; when it is full the sender waits, as on a real network.
constexpr std::size_t kBufferMax = 1 << 20;

enum class Mode { kOpen, kCut, kHold };

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Address port_address(int port) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(static_cast<std::uint16_t>(port));
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Address address{.size = sizeof in};
    std::memcpy(&address.storage, &in, sizeof in);
    return address;
}

Address socket_address(const std::filesystem::path& path) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof un.sun_path) throw std::runtime_error("path is too long");
    path.native().copy(un.sun_path, sizeof un.sun_path - 1);
    Address address{.size = sizeof un};
    std::memcpy(&address.storage, &un, sizeof un);
    return address;
}

Fd listen_on(const Address& address) {
    Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int yes = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(fd.get(), address.get(), address.size) != 0 || ::listen(fd.get(), 512) != 0) {
        throw std::runtime_error(fmt::format("a gate cannot listen: {}", std::strerror(errno)));
    }
    return fd;
}

int port_of(const Fd& listener) {
    sockaddr_in in{};
    socklen_t size = sizeof in;
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&in), &size);
    return ntohs(in.sin_port);
}

void do_not_gather(const Fd& fd) {
    const int yes = 1;  // Fails on Unix sockets, which never gather.
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

// Sends a reset instead of an orderly close, like a host that died.
void reset(Fd& fd) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd.reset();
}

// The bytes on their way in one direction.
class Flow {
 public:
    bool has_room() const { return !ended_ && bytes_ < kBufferMax; }
    bool is_over() const { return ended_ && pieces_.empty(); }
    std::optional<Clock::time_point> next_due() const {
        return pieces_.empty() ? std::nullopt : std::optional(pieces_.front().due);
    }

    // Returns false if the connection broke.
    bool read(int from, milliseconds delay) {
        std::array<char, 16384> buffer;
        const auto size = ::recv(from, buffer.data(), buffer.size(), 0);
        if (size < 0) return errno == EAGAIN || errno == EINTR;
        if (size == 0) {
            ended_ = true;
            return true;
        }
        const auto count = static_cast<std::size_t>(size);
        pieces_.push_back({Clock::now() + delay, std::string(buffer.data(), count)});
        bytes_ += count;
        return true;
    }

    // Writes what is due; returns false if the connection broke.
    bool write(int to, Clock::time_point now) {
        while (!pieces_.empty() && pieces_.front().due <= now) {
            auto& bytes = pieces_.front().bytes;
            const auto size = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (size < 0) return errno == EAGAIN || errno == EINTR;
            bytes_ -= static_cast<std::size_t>(size);
            bytes.erase(0, static_cast<std::size_t>(size));
            if (bytes.empty()) pieces_.pop_front();
        }
        if (is_over() && !told_) {
            ::shutdown(to, SHUT_WR);
            told_ = true;
        }
        return true;
    }

    void hurry() {
        for (auto& piece : pieces_) piece.due = Clock::time_point::min();
    }

 private:
    struct Piece {
        Clock::time_point due;
        std::string bytes;
    };

    std::deque<Piece> pieces_;
    std::size_t bytes_ = 0;
    bool ended_ = false;  // The sender has closed its side.
    bool told_ = false;   // The close has been passed on to the receiver.
};

struct Pair {
    Fd client;
    Fd server;
    Flow forth;  // To the server.
    Flow back;
};

}  // namespace

class Gate::Relay {
 public:
    explicit Relay(Fd listener, std::filesystem::path path = {})
        : listener_(std::move(listener)),
          path_(std::move(path)),
          wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          thread_([this](const std::stop_token& stop) { run(stop); }) {}

    ~Relay() {
        thread_.request_stop();
        ring();
        thread_.join();
        if (!path_.empty()) ::unlink(path_.c_str());
    }

    int port() const { return port_of(listener_); }

    void lead_to(Address target) {
        const std::lock_guard lock(mutex_);
        target_ = target;
    }

    // Returns when the thread has applied the mode.
    void set(Mode mode, milliseconds delay = milliseconds(0)) {
        std::unique_lock lock(mutex_);
        mode_ = mode;
        delay_ = delay;
        const auto order = ++orders_;
        ring();
        obeyed_.wait(lock, [&] { return orders_done_ >= order; });
    }

 private:
    void ring() const {
        const std::uint64_t one = 1;
        static_cast<void>(::write(wake_.get(), &one, sizeof one));
    }

    void run(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            obey();
            const auto polled = wait();
            if (polled.front().revents != 0) forget_rings();
            if (current_ == Mode::kHold) continue;
            move_bytes();
            if (polled[1].revents != 0) accept_all();
        }
    }

    void obey() {
        const std::lock_guard lock(mutex_);
        if (orders_done_ == orders_) return;
        const bool hurries = delay_ < current_delay_;
        current_ = mode_;
        current_delay_ = delay_;
        orders_done_ = orders_;
        obeyed_.notify_all();
        if (current_ == Mode::kCut) cut_all();
        if (!hurries) return;
        for (auto& pair : pairs_) {
            pair.forth.hurry();
            pair.back.hurry();
        }
    }

    void cut_all() {
        for (auto& pair : pairs_) {
            reset(pair.client);
            reset(pair.server);
        }
        pairs_.clear();
    }

    std::vector<pollfd> wait() {
        std::vector<pollfd> polled{{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
        if (current_ == Mode::kHold) polled.pop_back();
        auto due = Clock::time_point::max();
        if (current_ != Mode::kHold) {
            for (const auto& pair : pairs_) {
                watch(polled, pair.client, pair.forth, pair.back, due);
                watch(polled, pair.server, pair.back, pair.forth, due);
            }
        }
        int timeout = -1;
        if (due != Clock::time_point::max()) {
            const auto left = std::chrono::ceil<milliseconds>(due - Clock::now());
            timeout = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
        }
        ::poll(polled.data(), polled.size(), timeout);
        if (polled.size() < 2) polled.push_back({});
        return polled;
    }

    // `in` is read from this end, `out` written to it.
    static void watch(std::vector<pollfd>& polled, const Fd& end, const Flow& in, const Flow& out,
                      Clock::time_point& due) {
        pollfd watched{end.get(), 0, 0};
        if (in.has_room()) watched.events |= POLLIN;
        if (const auto next = out.next_due()) {
            if (*next <= Clock::now()) {
                watched.events |= POLLOUT;
            } else {
                due = std::min(due, *next);
            }
        }
        if (watched.events == 0) watched.fd = -1;
        polled.push_back(watched);
    }

    void forget_rings() const {
        std::uint64_t rings = 0;
        static_cast<void>(::read(wake_.get(), &rings, sizeof rings));
    }

    void move_bytes() {
        const auto now = Clock::now();
        std::erase_if(pairs_, [&](Pair& pair) {
            const bool works =
                (!pair.forth.has_room() || pair.forth.read(pair.client.get(), current_delay_)) &&
                (!pair.back.has_room() || pair.back.read(pair.server.get(), current_delay_)) &&
                pair.forth.write(pair.server.get(), now) && pair.back.write(pair.client.get(), now);
            return !works || (pair.forth.is_over() && pair.back.is_over());
        });
    }

    void accept_all() {
        while (true) {
            Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (!client.valid()) return;
            Fd server = current_ == Mode::kCut ? Fd() : connect();
            if (!server.valid()) {
                reset(client);
                continue;
            }
            do_not_gather(client);
            pairs_.push_back({std::move(client), std::move(server), {}, {}});
        }
    }

    // On one machine a connection is made or refused at once.
    Fd connect() {
        const std::lock_guard lock(mutex_);
        Fd server(::socket(target_.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (target_.size == 0 || ::connect(server.get(), target_.get(), target_.size) != 0) {
            return Fd();
        }
        ::fcntl(server.get(), F_SETFL, O_NONBLOCK);
        do_not_gather(server);
        return server;
    }

    const Fd listener_;
    const std::filesystem::path path_;
    const Fd wake_;

    // Used only by the thread.
    Mode current_ = Mode::kOpen;
    milliseconds current_delay_{0};
    std::list<Pair> pairs_;

    std::mutex mutex_;
    std::condition_variable obeyed_;
    // Guarded by mutex_.
    Address target_;
    Mode mode_ = Mode::kOpen;
    milliseconds delay_{0};
    int orders_ = 0;
    int orders_done_ = 0;

    std::jthread thread_;  // Last: it uses all of the above.
};

Gate::Gate(std::unique_ptr<Relay> relay) : relay_(std::move(relay)) {}

Gate::~Gate() = default;

std::unique_ptr<Gate> Gate::on_free_port() {
    return std::unique_ptr<Gate>(new Gate(std::make_unique<Relay>(listen_on(port_address(0)))));
}

std::unique_ptr<Gate> Gate::on_socket(const std::filesystem::path& path) {
    return std::unique_ptr<Gate>(
        new Gate(std::make_unique<Relay>(listen_on(socket_address(path)), path)));
}

int Gate::port() const {
    return relay_->port();
}

void Gate::lead_to_port(int port) {
    relay_->lead_to(port_address(port));
}

void Gate::lead_to_socket(const std::filesystem::path& path) {
    relay_->lead_to(socket_address(path));
}

void Gate::open() {
    relay_->set(Mode::kOpen);
}

void Gate::cut() {
    relay_->set(Mode::kCut);
}

void Gate::hold() {
    relay_->set(Mode::kHold);
}

void Gate::delay(milliseconds time) {
    relay_->set(Mode::kOpen, time);
}

}  // namespace millrace::chaos

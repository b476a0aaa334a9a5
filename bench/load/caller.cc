#include "bench/load/caller.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "common/process/fd.h"
#include "common/runtime/thread.h"

namespace millrace::bench {

namespace {

// The case of the header's name differs between servers.
std::size_t content_length(std::string_view head) {
    constexpr std::string_view kName = "\r\ncontent-length:";
    const auto same = [](char a, char b) { return std::tolower(a) == b; };
    const auto found = std::search(head.begin(), head.end(), kName.begin(), kName.end(), same);
    if (found == head.end()) throw std::runtime_error("an answer without Content-Length");
    return std::strtoul(found + kName.size(), nullptr, 10);
}

}  // namespace

Caller::Caller(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        throw std::runtime_error("cannot connect to the server");
    }
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Caller::~Caller() {
    close(fd_);
}

int Caller::exchange(const std::string& request) {
    send(request);
    while (true) {
        if (const auto status = receive()) return *status;
    }
}

void Caller::send(const std::string& request) {
    for (std::size_t sent = 0; sent < request.size();) {
        const auto n = ::send(fd_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) throw std::runtime_error("the connection broke while sending");
        sent += static_cast<std::size_t>(n);
    }
}

std::optional<int> Caller::receive() {
    char buffer[16384];
    const auto n = recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) throw std::runtime_error("the connection broke while reading");
    received_.append(buffer, static_cast<std::size_t>(n));
    const auto header_end = received_.find("\r\n\r\n");
    if (header_end == std::string::npos) return std::nullopt;
    const auto length = content_length(std::string_view(received_).substr(0, header_end));
    const auto total = header_end + 4 + length;
    if (received_.size() < total) return std::nullopt;
    const int status = std::atoi(received_.c_str() + 9);
    body_ = received_.substr(header_end + 4, length);
    received_.erase(0, total);
    return status;
}

std::string post(const std::string& path, const std::string& body, const std::string& headers) {
    return fmt::format(
        "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{}"
        "Content-Length: {}\r\n\r\n{}",
        path, headers, body.size(), body);
}

void run_callers(int port, int callers, const std::function<void(Caller&, int)>& talk) {
    std::mutex mutex;
    std::exception_ptr failure;
    {
        std::vector<runtime::Thread> threads;
        for (int i = 0; i < callers; ++i) {
            threads.emplace_back("caller", [&, i](const std::stop_token&) {
                try {
                    Caller caller(port);
                    talk(caller, i);
                } catch (...) {
                    const std::lock_guard lock(mutex);
                    if (!failure) failure = std::current_exception();
                }
            });
        }
        for (auto& thread : threads) thread.join();
    }
    if (failure) std::rethrow_exception(failure);
}

double run_load(const Load& load) {
    const auto started = std::chrono::steady_clock::now();
    const auto callers = std::min(load.requests, static_cast<std::size_t>(load.callers));
    const process::Fd ready(epoll_create1(EPOLL_CLOEXEC));
    std::deque<Caller> all;  // In place, because epoll refers to them.
    for (std::size_t i = 0; i < callers; ++i) {
        auto& caller = all.emplace_back(load.port);
        epoll_event event{.events = EPOLLIN, .data = {.ptr = &caller}};
        epoll_ctl(ready.get(), EPOLL_CTL_ADD, caller.descriptor(), &event);
        caller.send(load.request);
    }
    std::vector<epoll_event> events(callers);
    std::size_t sent = callers;
    for (std::size_t answered = 0; answered < load.requests;) {
        const int count = epoll_wait(ready.get(), events.data(), static_cast<int>(callers), -1);
        for (int i = 0; i < count; ++i) {
            auto& caller = *static_cast<Caller*>(events[static_cast<std::size_t>(i)].data.ptr);
            const auto status = caller.receive();
            if (!status) continue;
            if (*status != load.expected_status) {
                throw std::runtime_error(fmt::format("a call answered {}", *status));
            }
            ++answered;
            if (sent < load.requests) {
                ++sent;
                caller.send(load.request);
            }
        }
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
}

}  // namespace millrace::bench

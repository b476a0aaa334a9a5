#include "bench/load/caller.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <vector>

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
    for (std::size_t sent = 0; sent < request.size();) {
        const auto n = send(fd_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) throw std::runtime_error("the connection broke while sending");
        sent += static_cast<std::size_t>(n);
    }
    std::size_t header_end = 0;
    while ((header_end = received_.find("\r\n\r\n")) == std::string::npos) read_more();
    const auto length = content_length(std::string_view(received_).substr(0, header_end));
    const auto total = header_end + 4 + length;
    while (received_.size() < total) read_more();
    const int status = std::atoi(received_.c_str() + 9);
    body_ = received_.substr(header_end + 4, length);
    received_.erase(0, total);
    return status;
}

void Caller::read_more() {
    char buffer[16384];
    const auto n = recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) throw std::runtime_error("the connection broke while reading");
    received_.append(buffer, static_cast<std::size_t>(n));
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
    std::atomic<std::size_t> left{load.requests};
    std::atomic<int> unexpected{0};
    const auto started = std::chrono::steady_clock::now();
    run_callers(load.port, load.callers, [&](Caller& caller, int) {
        while (left.fetch_sub(1) - 1 < load.requests) {  // Else wrapped below zero.
            const int status = caller.exchange(load.request);
            if (status != load.expected_status) unexpected = status;
        }
    });
    if (unexpected != 0) throw std::runtime_error(fmt::format("a call answered {}", unexpected));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
}

}  // namespace millrace::bench

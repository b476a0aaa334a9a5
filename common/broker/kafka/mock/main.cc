// millrace-broker: an in-memory Kafka broker, for one machine and without Java.
//
//   millrace-broker [--port N]      prints "bootstrap=127.0.0.1:PORT", serves until SIGTERM
//
// It is librdkafka's mock cluster in its own process. It provides everything that Millrace needs
// from Kafka. It makes topics when they are first named (with four partitions), keeps the last 5
// MiB of each partition, and forgets everything when it ends, which loses no job.
//
// The mock cluster of librdkafka 2.0.2 always listens on a port that the kernel chooses, but a
// broker that is restarted must come back where its clients look for it. So this program opens the
// listening socket itself and defines bind(2): the library's call lands here and gets that socket
// in place of its own. The library then reads the port back (getsockname) and passes it on to its
// clients.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "common/runtime/signals.h"

namespace {

constexpr const char* kUsage =
    "usage: millrace-broker [--port N] | --version\n"
    "\n"
    "A Kafka broker in memory, for one machine. It listens on 127.0.0.1, on port N or any free "
    "one,\n"
    "prints its address and serves until SIGTERM or SIGINT. Nothing is kept after that.\n";

// The listening socket, until the library takes it; then -1.
std::atomic<int> listener{-1};

bool is_any_port_of_loopback(const sockaddr* address, socklen_t length) {
    sockaddr_in in{};
    if (address->sa_family != AF_INET || length < sizeof in) return false;
    std::memcpy(&in, address, sizeof in);
    return in.sin_port == 0 && in.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

}  // namespace

// Exported, so that the dynamic linker prefers it to the one in the C library.
extern "C" __attribute__((visibility("default"))) int bind(int fd, const sockaddr* address,
                                                           socklen_t length) noexcept {
    using Bind = int (*)(int, const sockaddr*, socklen_t);
    static const auto real_bind = reinterpret_cast<Bind>(::dlsym(RTLD_NEXT, "bind"));
    if (is_any_port_of_loopback(address, length)) {
        const int ours = listener.exchange(-1);
        if (ours >= 0) {
            const int result = ::dup3(ours, fd, O_CLOEXEC);
            ::close(ours);
            return result < 0 ? -1 : 0;
        }
    }
    return real_bind(fd, address, length);
}

namespace {

// Returns -1 and sets errno if the port is taken.
int listen_on(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    // Connections of a previous broker may still be in TIME_WAIT.
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        ::listen(fd, SOMAXCONN) == 0) {
        return fd;
    }
    const int error = errno;
    ::close(fd);
    errno = error;
    return -1;
}

using Client = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;
using Cluster = std::unique_ptr<rd_kafka_mock_cluster_t, decltype(&rd_kafka_mock_cluster_destroy)>;

int serve(std::uint16_t port) {
    millrace::runtime::Signals signals;
    const int fd = listen_on(port);
    if (fd < 0) {
        std::fprintf(stderr, "millrace-broker: cannot listen on 127.0.0.1:%u: %s\n", port,
                     std::strerror(errno));
        return 1;
    }
    // The cluster lives on the threads of a client, which connects to nothing.
    std::array<char, 512> reason{};
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "3", nullptr, 0);
    const Client client(rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason.data(), reason.size()),
                        &rd_kafka_destroy);
    if (!client) {
        rd_kafka_conf_destroy(conf);
        std::fprintf(stderr, "millrace-broker: %s\n", reason.data());
        return 1;
    }
    listener = fd;
    const Cluster cluster(rd_kafka_mock_cluster_new(client.get(), 1),
                          &rd_kafka_mock_cluster_destroy);
    if (!cluster || listener >= 0) {
        std::fputs("millrace-broker: librdkafka's mock cluster cannot be used\n", stderr);
        return 1;
    }
    std::printf("bootstrap=%s\n", rd_kafka_mock_cluster_bootstraps(cluster.get()));
    std::fflush(stdout);
    signals.wait();
    return 0;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return port;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 1) return serve(0);
    const std::string_view option = argv[1];
    if (argc == 2 && option == "--help") {
        std::fputs(kUsage, stdout);
        return 0;
    }
    if (argc == 2 && option == "--version") {
        std::puts("millrace-broker " MILLRACE_VERSION);
        return 0;
    }
    if (argc == 3 && option == "--port") {
        if (const auto port = parse_port(argv[2])) return serve(*port);
        std::fprintf(stderr, "millrace-broker: '%s' is not a port; ports are 0 to 65535\n",
                     argv[2]);
        return 2;
    }
    std::fputs(kUsage, stderr);
    return 2;
}

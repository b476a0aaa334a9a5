#include "common/process/output_reader.h"

#include <poll.h>

#include <array>
#include <cstdint>

#include "common/process/child_process.h"

namespace millrace::process {

OutputReader::OutputReader(Fd source, Fd wake, LineHandler on_line)
    : source_(std::move(source)), wake_(std::move(wake)), on_line_(std::move(on_line)) {
    ::fcntl(source_.get(), F_SETFL, O_NONBLOCK);
    thread_ = runtime::Thread("child-output", [this](const std::stop_token&) { run(); });
}

OutputReader::~OutputReader() {
    finish();
}

void OutputReader::finish() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
    thread_.join();
}

void OutputReader::run() {
    std::array<pollfd, 2> watched{pollfd{source_.get(), POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
    bool finishing = false;
    while (!finishing) {
        if (::poll(watched.data(), watched.size(), -1) < 0) continue;
        finishing = watched[1].revents != 0;
        if (watched[0].revents != 0 && !read_some()) break;
    }
    if (!pending_.empty()) on_line_(pending_);
    pending_.clear();
}

bool OutputReader::read_some() {
    std::array<char, 16384> buffer;
    while (true) {
        const ssize_t size = ::read(source_.get(), buffer.data(), buffer.size());
        if (size > 0) {
            pending_.append(buffer.data(), static_cast<std::size_t>(size));
            deliver_lines();
        } else if (size == 0) {
            return false;
        } else if (errno != EINTR) {
            return errno == EAGAIN;
        }
    }
}

void OutputReader::deliver_lines() {
    std::size_t begin = 0;
    while (true) {
        const std::size_t end = pending_.find('\n', begin);
        const std::size_t size = std::min(end, pending_.size()) - begin;
        if (end == std::string::npos && size < kLineBytesMax) break;
        const std::size_t piece = std::min(size, kLineBytesMax);
        on_line_(std::string_view(pending_).substr(begin, piece));
        begin += piece;
        if (begin == end) ++begin;
    }
    pending_.erase(0, begin);
}

}  // namespace millrace::process

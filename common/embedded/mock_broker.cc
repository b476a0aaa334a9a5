#include "common/embedded/mock_broker.h"

#include <fmt/format.h>

#include <charconv>

#include "common/base/mutex.h"

namespace millrace::embedded {
namespace {

constexpr std::chrono::milliseconds kMockPollInterval{5};
constexpr std::string_view kReport = "bootstrap=";

// Passes the broker's address from the thread that reads its output to the one that waits for it.
class Address {
 public:
    void set(std::string_view address) {
        const MutexLock lock(mutex_);
        address_ = address;
    }
    std::string get() const {
        const MutexLock lock(mutex_);
        return address_;
    }

 private:
    mutable Mutex mutex_;
    std::string address_ GUARDED_BY(mutex_);
};

}  // namespace

MockBroker::~MockBroker() {
    kill();
}

Result<std::unique_ptr<MockBroker>> MockBroker::start(MockBrokerOptions options) {
    std::unique_ptr<MockBroker> broker(new MockBroker(std::move(options)));
    TRY_STATUS(broker->restart());
    return broker;
}

Status MockBroker::restart() {
    kill();
    const auto program = process::find_own_program("millrace-broker");
    if (!program) {
        return Error{ErrorCode::kNotFound,
                     "the program millrace-broker is neither beside this one nor on PATH; build it "
                     "(make build), or name its folder in MILLRACE_BIN"};
    }
    // Shared with the reader, which outlives this call.
    const auto address = std::make_shared<Address>();
    process::ChildOptions child{
        .argv = {program->string(), "--port", std::to_string(options_.port)}, .hold_stdin = true};
    child.on_line = [address, on_line = options_.on_line](std::string_view line) {
        if (line.starts_with(kReport)) {
            address->set(line.substr(kReport.size()));
        } else if (on_line) {
            on_line(line);
        }
    };
    TRY(auto server, process::ChildProcess::start(std::move(child)));
    const auto deadline = std::chrono::steady_clock::now() + options_.start_timeout;
    while ((bootstrap_ = address->get()).empty()) {
        if (const auto status = server.wait(kMockPollInterval)) {
            return Error{ErrorCode::kUnavailable,
                         "millrace-broker ended with " + status->str() + " while starting"};
        }
        if (options_.give_up.stop_requested()) {
            return Error{ErrorCode::kCancelled, "stopped while millrace-broker was starting"};
        }
        if (std::chrono::steady_clock::now() > deadline) {
            return Error{ErrorCode::kUnavailable,
                         fmt::format("millrace-broker printed no address within {} ms",
                                     options_.start_timeout.count())};
        }
    }
    const std::size_t colon = bootstrap_.rfind(':');
    const char* end = bootstrap_.data() + bootstrap_.size();
    std::from_chars(bootstrap_.data() + colon + 1, end, options_.port);
    server_ = std::make_unique<process::ChildProcess>(std::move(server));
    return ok();
}

bool MockBroker::running() {
    return server_ && server_->running();
}

void MockBroker::kill() {
    server_.reset();
}

}  // namespace millrace::embedded

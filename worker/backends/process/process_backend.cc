#include "worker/backends/process/process_backend.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <utility>

#include "common/base/check.h"
#include "common/process/fd.h"
#include "common/runtime/thread.h"
#include "worker/backends/inbox.h"
#include "worker/backends/process/environment.h"
#include "worker/backends/process/slot.h"

namespace millrace::backends::process {
namespace {

constexpr milliseconds kIdle{60'000};

int poll_timeout(MonoTime next, MonoTime now) {
    if (next >= now + kIdle) return static_cast<int>(kIdle.count());
    return static_cast<int>(std::chrono::ceil<milliseconds>(std::max(next, now) - now).count());
}

}  // namespace

// Drives all slots from one thread, the only one that touches them.
class ProcessBackend::Loop {
 public:
    Loop(const ProcessOptions& options, ExecutionSink& sink, millrace::process::Fd wake)
        : sink_(sink), wake_(std::move(wake)) {
        for (std::size_t i = 0; i < options.slots; ++i) {
            slots_.push_back(std::make_unique<Slot>(i, options, sink));
        }
        thread_ = runtime::Thread("process", [this](const std::stop_token&) { loop(); });
    }
    ~Loop() { stop(); }

    // Returns the first process's report once all are ready, or the reason why one did not come up.
    Result<ReadyMessage> wait_until_ready() { return started_.get_future().get(); }

    void stop() {
        inbox_.close();
        wake();
        thread_.join();
    }
    void run(std::vector<Execution> batch) {
        if (!inbox_.post(batch)) return refuse(sink_, batch);
        wake();
    }
    void abort(const Inbox::Abort& abort) {
        inbox_.post(abort);
        wake();
    }

 private:
    using Slots = std::vector<std::unique_ptr<Slot>>;

    void loop() {
        while (true) {
            const auto now = system_clock().now();
            take_news(now);
            for (auto& slot : slots_) slot->tick(now);
            report_start();
            if (std::all_of(slots_.begin(), slots_.end(),
                            [](const auto& slot) { return slot->stopped(); })) {
                return;
            }
            wait();
        }
    }

    void take_news(MonoTime now) {
        auto news = inbox_.take();
        for (auto& batch : news.batches) free_slot().give(std::move(batch), now);
        for (const auto& [key, reason] : news.aborts) {
            for (auto& slot : slots_) {
                if (slot->abort(key, reason, now)) break;
            }
        }
        if (!news.closed) return;
        for (auto& slot : slots_) slot->stop(now);
    }

    // A free slot, with a ready process if there is one. The caller of run() keeps within the
    // slots.
    Slot& free_slot() {
        Slot* free = nullptr;
        for (const auto& slot : slots_) {
            if (slot->has_batch() || (free != nullptr && !slot->is_ready())) continue;
            free = slot.get();
            if (free->is_ready()) break;
        }
        CHECK(free != nullptr);
        return *free;
    }

    void report_start() {
        if (start_is_reported_) return;
        for (const auto& slot : slots_) {
            if (slot->start_error()) return report_start(*slot->start_error());
        }
        const auto is_up = [](const auto& slot) { return slot->ready().has_value(); };
        if (std::all_of(slots_.begin(), slots_.end(), is_up)) {
            report_start(*slots_.front()->ready());
        }
    }
    void report_start(Result<ReadyMessage> result) {
        start_is_reported_ = true;
        started_.set_value(std::move(result));
    }

    void wait() {
        auto next = MonoTime::max();
        std::vector<pollfd> watched{{wake_.get(), POLLIN, 0}};
        std::vector<Slot*> owners{nullptr};
        for (auto& slot : slots_) {
            next = std::min(next, slot->next_tick());
            slot->watch(watched);
            owners.resize(watched.size(), slot.get());
        }
        const auto timeout = poll_timeout(next, system_clock().now());
        if (::poll(watched.data(), watched.size(), timeout) <= 0) return;
        if (watched.front().revents != 0) {
            std::uint64_t count = 0;
            [[maybe_unused]] const auto size = ::read(wake_.get(), &count, sizeof count);
        }
        const auto now = system_clock().now();
        for (std::size_t i = 1; i < watched.size(); ++i) owners[i]->handle(watched[i], now);
    }

    void wake() {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto size = ::write(wake_.get(), &one, sizeof one);
    }

    ExecutionSink& sink_;
    const millrace::process::Fd wake_;
    Inbox inbox_;
    std::promise<Result<ReadyMessage>> started_;

    Slots slots_;
    bool start_is_reported_ = false;

    runtime::Thread thread_;  // Last: it uses all of the above.
};

ProcessBackend::ProcessBackend(ProcessOptions options)
    : options_(std::move(options)), info_{.name = "process", .slots = options_.slots} {
    CHECK(!options_.command.empty() && options_.slots >= 1);
    if (options_.devices.empty()) return;
    for (std::size_t slot = 0; slot < options_.slots; ++slot) {
        info_.devices.push_back(device_of(options_, slot).text);
    }
}

ProcessBackend::~ProcessBackend() {
    stop();
}

Status ProcessBackend::start(ExecutionSink& sink) {
    CHECK(!loop_);
    TRY(auto wake, millrace::process::make_wake_event());
    auto loop = std::make_unique<Loop>(options_, sink, std::move(wake));
    TRY(const auto ready, loop->wait_until_ready());
    info_.models = options_.models.empty() ? ready.models : options_.models;
    if (info_.models.empty()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} names no models: give them to serve(), or set "
                                 "backend.process.models",
                                 fmt::join(options_.command, " "))};
    }
    info_.batch_max = ready.batch_max;
    if (options_.batch_max > 0) info_.batch_max = std::min(info_.batch_max, options_.batch_max);
    loop_ = std::move(loop);
    return ok();
}

void ProcessBackend::stop() {
    if (loop_) loop_->stop();
}

BackendInfo ProcessBackend::info() const {
    return info_;
}

void ProcessBackend::run(std::vector<Execution> batch) {
    CHECK(loop_);
    loop_->run(std::move(batch));
}

void ProcessBackend::abort(const AttemptKey& key, AbortReason reason) {
    CHECK(loop_);
    loop_->abort({key, reason});
}

}  // namespace millrace::backends::process

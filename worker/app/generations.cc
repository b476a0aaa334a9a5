#include "worker/app/generations.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"

namespace millrace::worker {

WorkerGenerations::~WorkerGenerations() {
    for (auto& ending : ending_) {
        if (const auto worker = ending.worker.lock()) worker->hurry();
    }
}

Status WorkerGenerations::start(std::unique_ptr<Worker> worker) {
    CHECK(!running_);
    TRY_STATUS(worker->start());
    running_ = std::move(worker);
    return ok();
}

Status WorkerGenerations::replace(std::unique_ptr<Worker> worker) {
    CHECK(running_);
    std::erase_if(ending_, [](const Ending& ending) { return ending.worker.expired(); });
    if (ending_.size() >= kEndingMax) {
        return Error{ErrorCode::kResourceExhausted,
                     fmt::format("{} earlier workers of this process still have jobs; try again "
                                 "when one of them is done, or restart the process",
                                 ending_.size())};
    }
    TRY_STATUS(worker->start());
    auto before = std::exchange(running_, std::move(worker));
    before->retire();
    auto& ending = ending_.emplace_back(Ending{.worker = before, .thread = {}});
    ending.thread =
        runtime::Thread("ending", [worker = std::move(before)](const std::stop_token&) mutable {
            worker->finish();
            worker.reset();
            log_info("the previous worker has ended");
        });
    return ok();
}

void WorkerGenerations::drain() {
    for (auto& ending : ending_) {
        if (const auto worker = ending.worker.lock()) worker->drain();
    }
    running_->drain();
}

void WorkerGenerations::hurry() {
    for (auto& ending : ending_) {
        if (const auto worker = ending.worker.lock()) worker->hurry();
    }
    running_->hurry();
}

void WorkerGenerations::finish() {
    running_->finish();
    for (auto& ending : ending_) ending.thread.join();
}

}  // namespace millrace::worker

#include "worker/execute/batch_former.h"

#include <algorithm>

namespace millrace::worker {
namespace {

bool runs_alone(const Execution& execution) {
    return execution.job.losses > 0;
}

}  // namespace

std::vector<Execution> BatchFormer::take_batch() {
    std::vector<Execution> batch;
    const auto key = std::move(ready_.front().key);
    batch.push_back(std::move(ready_.front().execution));
    ready_.pop_front();
    if (runs_alone(batch.front())) return batch;

    // Jobs of other keys move up in their order; mostly there are none and the front is cut off.
    std::deque<Ready> others;
    while (batch.size() < batch_max_ && !ready_.empty()) {
        auto& next = ready_.front();
        if (next.key == key && !runs_alone(next.execution)) {
            batch.push_back(std::move(next.execution));
        } else {
            others.push_back(std::move(next));
        }
        ready_.pop_front();
    }
    for (auto it = others.rbegin(); it != others.rend(); ++it) ready_.push_front(std::move(*it));
    return batch;
}

bool BatchFormer::remove(const AttemptKey& key) {
    const auto found = std::find_if(ready_.begin(), ready_.end(), [&](const Ready& ready) {
        return ready.execution.job.key == key;
    });
    if (found == ready_.end()) return false;
    ready_.erase(found);
    return true;
}

}  // namespace millrace::worker

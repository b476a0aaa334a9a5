#include "producer/events/prober.h"

#include <algorithm>

#include "common/job/job_state.h"

namespace millrace::events {

void Prober::step() {
    const auto awaited = hub_.awaited();
    for (std::size_t begin = 0; begin < awaited.size(); begin += batch_max_) {
        const auto size = std::min(batch_max_, awaited.size() - begin);
        const auto first = awaited.begin() + static_cast<std::ptrdiff_t>(begin);
        const std::vector<JobId> page(first, first + static_cast<std::ptrdiff_t>(size));
        const auto jobs = store_.job_get(page, {});
        if (!jobs) return;
        for (const auto& job : *jobs) {
            if (!info(job.state).is_final) continue;
            service::JobNotice notice;
            notice.kind = service::JobNotice::Kind::kFinished;
            notice.epoch = job.epoch;
            notice.state = job.state;
            hub_.notify(job.id, notice);
        }
    }
}

}  // namespace millrace::events

#include "producer/reads/lane_reader.h"

#include <utility>

#include "producer/reads/refusal.h"

namespace millrace::reads {

void LaneReader::lanes(service::Callback<Answer> done) {
    if (queue_.try_push(done)) return;
    done(refusal_of(queue_));
}

bool LaneReader::step(MonoTime wait_until) {
    const auto done = queue_.pop(wait_until);
    if (!done) return false;
    if (!lanes_ || clock_.now() >= read_at_ + options_.cache_max) {
        lanes_ = store_.lane_stats();
        read_at_ = clock_.now();
    }
    (*done)(*lanes_);
    return true;
}

void LaneReader::run() {
    while (!queue_.closed() || queue_.size() > 0) step(runtime::kNoDeadline);
}

}  // namespace millrace::reads

#include "producer/query/lane_reader.h"

#include <utility>

namespace millrace::gateway {

void LaneReader::read(Callback<Lanes> done) {
    if (queue_.try_push(std::move(done))) return;
    done(queue_.closed() ? Error{ErrorCode::kUnavailable, "This gateway is stopping; retry."}
                         : Error{ErrorCode::kResourceExhausted,
                                 "Too many calls wait (query.queue_max); retry later."});
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

}  // namespace millrace::gateway

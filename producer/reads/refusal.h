// The answer to a call for which a part (reads, commands, scans) had no place in its queue.
#pragma once

#include "common/base/error.h"
#include "common/runtime/bounded_queue.h"

namespace millrace::reads {

// kUnavailable: the queue is closed. kResourceExhausted: it is full.
template <class T>
Error refusal_of(const runtime::BoundedQueue<T>& queue) {
    if (queue.closed()) return {ErrorCode::kUnavailable, "This gateway is stopping; retry."};
    return {ErrorCode::kResourceExhausted, "Too many calls wait (query.queue_max); retry later."};
}

}  // namespace millrace::reads

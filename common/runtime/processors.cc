#include "common/runtime/processors.h"

namespace millrace::runtime {

bool bind_thread(std::span<const int> processors) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int processor : processors) CPU_SET(static_cast<unsigned>(processor), &set);
    return ::sched_setaffinity(0, sizeof set, &set) == 0;
}

ThreadBinding::ThreadBinding(std::span<const int> processors) {
    CPU_ZERO(&before_);
    if (processors.empty()) return;
    bound_ = ::sched_getaffinity(0, sizeof before_, &before_) == 0 && bind_thread(processors);
    ok_ = bound_;
}

ThreadBinding::~ThreadBinding() {
    if (bound_) ::sched_setaffinity(0, sizeof before_, &before_);
}

}  // namespace millrace::runtime

// How the services of this folder answer.
//
// Threads: a call never blocks and may come from any thread. Its callback is called exactly once,
//          later on one of the service's threads, or within the call if the answer is at hand (a
//          full queue, a known model). It must not block; so do not hold a lock that it takes too.
#pragma once

#include <functional>

namespace millrace::service {

template <class T>
using Callback = std::function<void(T)>;

}  // namespace millrace::service

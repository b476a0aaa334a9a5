// How the services answer.
#pragma once

#include <functional>

namespace millrace::gateway {

template <class T>
using Callback = std::function<void(T)>;

}  // namespace millrace::gateway

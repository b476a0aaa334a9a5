// When the tests of this folder begin.
#pragma once

#include "common/base/clock.h"

namespace millrace::backends::serving::pool {

inline constexpr MonoTime kStart{std::chrono::hours(1)};

}  // namespace millrace::backends::serving::pool

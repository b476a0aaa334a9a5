// CHECK(condition): stops the process at a bug, in every build. For programmer errors and
// impossible states only: nothing that a user or another process sends may trigger it.
#pragma once

namespace millrace {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace millrace

#define CHECK(condition)                   \
    (static_cast<bool>(condition) ? void() \
                                  : ::millrace::check_failed(#condition, __FILE__, __LINE__))

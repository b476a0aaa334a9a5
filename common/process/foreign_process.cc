#include "common/process/foreign_process.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "common/process/pidfd.h"

namespace millrace::process {

using std::chrono::milliseconds;

std::optional<ForeignProcess> ForeignProcess::find(pid_t pid) {
    auto pidfd = open_pidfd(pid);
    if (!pidfd.valid()) return std::nullopt;
    return ForeignProcess(pid, std::move(pidfd));
}

Status ForeignProcess::send(int signal) const {
    if (send_signal(pidfd_, signal)) return ok();
    const int error = errno;
    return Error{error == ESRCH ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument,
                 fmt::format("process {}: {}", pid_, std::strerror(error))};
}

bool ForeignProcess::wait_until_gone(milliseconds timeout) const {
    return wait_for_end(pidfd_, timeout);
}

}  // namespace millrace::process

// A library to be loaded before all others (LD_PRELOAD). Shifts its program's time of day by the
// number of seconds that the file WRONG_CLOCK_FILE currently contains. Everything else is
// unchanged: the monotonic clock, timers, waits.
//
// The file holds one 64-bit integer and is read by mapping it, so a change is seen at once.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

const volatile std::int64_t* map_offset() {
    static const std::int64_t right = 0;
    const char* path = std::getenv("WRONG_CLOCK_FILE");
    const int file = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return &right;
    void* mapped = ::mmap(nullptr, sizeof right, PROT_READ, MAP_SHARED, file, 0);
    ::close(file);
    return mapped == MAP_FAILED ? &right : static_cast<const std::int64_t*>(mapped);
}

std::int64_t offset_seconds() {
    static const volatile std::int64_t* const offset = map_offset();
    return *offset;
}

timespec wrong_time() {
    timespec now{};
    ::syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    now.tv_sec += offset_seconds();
    return now;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) {
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) {
        return static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
    }
    *time = wrong_time();
    return 0;
}

int gettimeofday(timeval* time, void*) {
    const auto now = wrong_time();
    *time = {.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t* seconds) {
    const auto now = wrong_time();
    if (seconds != nullptr) *seconds = now.tv_sec;
    return now.tv_sec;
}

}  // extern "C"

#include "tests/chaos/clock.h"

#include <cstdint>
#include <fstream>

#include "common/process/program.h"

namespace millrace::chaos {

namespace fs = std::filesystem;

WrongClock::WrongClock(std::chrono::seconds off)
    : directory_(process::TemporaryDirectory::make("millrace-clock-").value()) {
    fs::permissions(directory_.path(), fs::perms(0755));
    fs::copy(process::find_own_program("libmillrace_wrong_clock.so").value(), library());
    set_off(off);
}

std::map<std::string, std::string> WrongClock::environment() const {
    return {{"LD_PRELOAD", library().string()}, {"WRONG_CLOCK_FILE", offset().string()}};
}

// Written in place, because programs have the file mapped.
void WrongClock::set_off(std::chrono::seconds off) {
    const std::int64_t count = off.count();
    const bool is_new = !fs::exists(offset());
    std::fstream file(offset(), is_new ? std::ios::out : std::ios::in | std::ios::out);
    file.write(reinterpret_cast<const char*>(&count), sizeof count);
}

}  // namespace millrace::chaos

#include "tests/chaos/clock.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

namespace millrace::chaos {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::string> environment_of_fakes() {
    for (const auto* folder : {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"}) {
        const auto library = fs::path(folder) / "faketime/libfaketimeMT.so.1";
        if (fs::exists(library)) {
            return {{"LD_PRELOAD", library.string()}, {"FAKETIME_DONT_FAKE_MONOTONIC", "1"}};
        }
    }
    throw std::runtime_error("libfaketime is missing; apt-get install faketime");
}

std::string offset(std::chrono::seconds off) {
    return fmt::format("{:+d}s", off.count());
}

}  // namespace

std::map<std::string, std::string> wrong_clock(std::chrono::seconds off) {
    auto environment = environment_of_fakes();
    environment["FAKETIME"] = offset(off);
    return environment;
}

SteppedClock::SteppedClock()
    : directory_(
          process::TemporaryDirectory::make(
              "millrace-clock-", ::geteuid() == 0 ? process::find_user("postgres") : std::nullopt)
              .value()) {
    set_off(std::chrono::seconds(0));
}

std::map<std::string, std::string> SteppedClock::environment() const {
    auto environment = environment_of_fakes();
    environment["FAKETIME_TIMESTAMP_FILE"] = (directory_.path() / "offset").string();
    environment["FAKETIME_CACHE_DURATION"] = "1";
    return environment;
}

// Renamed into place: nobody reads half of it.
void SteppedClock::set_off(std::chrono::seconds off) {
    const auto written = directory_.path() / "written";
    std::ofstream(written) << offset(off) << '\n';
    fs::rename(written, directory_.path() / "offset");
}

}  // namespace millrace::chaos

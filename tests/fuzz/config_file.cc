// A configuration file, and the value of each setting as text.
#include <sys/mman.h>
#include <unistd.h>

#include "common/config/sources.h"
#include "common/config/value.h"
#include "tests/fuzz/fuzz.h"

namespace millrace::fuzz {

void read(std::string_view input) {
    static const int file = memfd_create("millrace.yaml", MFD_CLOEXEC);
    expect(ftruncate(file, 0) == 0);
    expect(pwrite(file, input.data(), input.size(), 0) == static_cast<ssize_t>(input.size()));
    const auto path = "/proc/self/fd/" + std::to_string(file);
    const auto reading = config::read_yaml_file(path);
    for (const auto& given : reading.assignments) {
        for (const auto& row : config::kSettings) {
            if (row.name != given.name) continue;
            const auto value = config::parse_value(row, given.text);
            // What is shown of a value is a text of it, unless it is hidden.
            if (!value.has_value()) continue;
            const auto shown = config::show_value(row, *value);
            if (shown.find("***") != std::string::npos) continue;
            const auto again = config::parse_value(row, shown);
            expect(again.has_value() && *again == *value);
        }
    }
    static_cast<void>(config::hide_password(input));
}

}  // namespace millrace::fuzz

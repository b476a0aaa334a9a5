#include "tests/support/eventually.h"

#include <fmt/format.h>

#include <thread>

namespace millrace::test {

testing::AssertionResult eventually(const std::function<bool()>& predicate, std::string_view what,
                                    std::chrono::milliseconds deadline) {
    using std::chrono::steady_clock;
    const auto end = steady_clock::now() + deadline;
    while (!predicate()) {
        if (steady_clock::now() > end) {
            return testing::AssertionFailure()
                   << fmt::format("{} did not come true within {} ms", what, deadline.count());
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return testing::AssertionSuccess();
}

}  // namespace millrace::test

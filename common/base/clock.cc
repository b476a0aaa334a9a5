#include "common/base/clock.h"

namespace millrace {
namespace {

class SystemClock final : public Clock {
 public:
    MonoTime now() const override { return std::chrono::steady_clock::now(); }
    WallTime wall() const override {
        return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    }
};

}  // namespace

const Clock& system_clock() {
    static const SystemClock clock;
    return clock;
}

}  // namespace millrace

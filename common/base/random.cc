#include "common/base/random.h"

#include <random>

namespace millrace {
namespace {

class SystemRandom final : public Random {
 public:
    std::uint64_t next() override {
        thread_local std::mt19937_64 engine = [] {
            std::random_device device;
            std::seed_seq seed{device(), device(), device(), device()};
            return std::mt19937_64(seed);
        }();
        return engine();
    }
};

}  // namespace

Random& system_random() {
    static SystemRandom random;
    return random;
}

}  // namespace millrace

// Randomness behind an interface, so that a seed reproduces a run.
//
// Threads: one caller at a time, unless the implementation says otherwise.
#pragma once

#include <cstdint>

namespace millrace {

class Random {
 public:
    virtual ~Random() = default;

    virtual std::uint64_t next() = 0;  // Uniform over all 64-bit values.

    // Uniform in [0, bound). Requires: bound > 0.
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }
    // Uniform in [0, 1).
    double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
};

// One generator per thread, seeded by the operating system. Thread-safe.
Random& system_random();

}  // namespace millrace

// Random numbers that a seed reproduces (SplitMix64).
//
// Threads: one caller at a time.
#pragma once

#include "common/base/random.h"

namespace millrace::test {

class SeededRandom : public Random {
 public:
    explicit SeededRandom(std::uint64_t seed = 1) : state_(seed) {}

    std::uint64_t next() override {
        std::uint64_t mixed = (state_ += 0x9e3779b97f4a7c15);
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return mixed ^ (mixed >> 31);
    }

 private:
    std::uint64_t state_;
};

}  // namespace millrace::test

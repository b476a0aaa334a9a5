// How many tokens a decode step may carry to take about its target time. Learned from the steps
// themselves: the cost of a token differs a thousandfold between models and machines, and grows
// with the memory of a sequence.
//
// Threads:   one caller at a time.
#pragma once

#include <algorithm>
#include <chrono>

namespace millrace::backends::llama {

class StepPace {
 public:
    using Seconds = std::chrono::duration<double>;

    // The library takes about as long for fewer.
    static constexpr int kTokensMin = 16;

    StepPace(Seconds target, int tokens_max) : target_(target), tokens_max_(tokens_max) {}

    int tokens_max() const { return std::min(tokens_, tokens_max_); }

    void observe(int tokens, Seconds took) {
        // The time of a short step goes mostly into other work than its tokens.
        if (tokens < kTokensMin || took <= Seconds(0)) return;
        const double fitting = tokens * (target_ / took);
        const double most = 2.0 * tokens_;
        const double next = (tokens_ + std::min(fitting, most)) / 2;
        tokens_ = std::max(kTokensMin, static_cast<int>(std::min<double>(next, tokens_max_)));
    }

 private:
    static constexpr int kTokensAtFirst = 64;

    const Seconds target_;
    const int tokens_max_;
    int tokens_ = kTokensAtFirst;
};

}  // namespace millrace::backends::llama

// A running estimate of a quantile of positive numbers, which makes a small step towards each
// number. It forgets by itself, and stores only one number.
//
// Threads:   one caller at a time.
#pragma once

namespace millrace::backends::serving::pool {

class QuantileEstimate {
 public:
    // Starts at `first`. Requires: 0 < quantile < 1, first > 0.
    QuantileEstimate(double quantile, double first) : quantile_(quantile), value_(first) {}

    void observe(double number) {
        // For the 0.75-quantile, a tenfold rise is followed within 32 numbers, a fall to a tenth
        // within 91.
        constexpr double kStep = 0.1;
        const bool is_above = number > value_;
        value_ *= is_above ? 1 + kStep * quantile_ : 1 - kStep * (1 - quantile_);
    }
    double value() const { return value_; }

 private:
    double quantile_;
    double value_;
};

}  // namespace millrace::backends::serving::pool

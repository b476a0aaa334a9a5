// The slowness of an endpoint, in milliseconds per token: a moving average that jumps to a higher
// value at once and decreases slowly ("peak EWMA", as in Finagle). Without calls it fades, so that
// an endpoint that was slow once is tried again.
//
// Threads:   one caller at a time.
#pragma once

#include <optional>

#include "common/base/clock.h"

namespace millrace::backends::serving::pool {

class LatencyEstimate {
 public:
    // After `decay`, 1/e of a past peak remains. The default is Finagle's.
    explicit LatencyEstimate(milliseconds decay = milliseconds(10'000)) : decay_(decay) {}

    void observe(double ms_per_token, MonoTime now);

    // As of the last observation; nothing before the first.
    std::optional<double> value() const;
    // The value as it has faded by `now`, for an endpoint without calls.
    std::optional<double> faded(MonoTime now) const;

 private:
    double left_of_peak(MonoTime now) const;

    milliseconds decay_;
    bool has_value_ = false;
    double value_ = 0;
    MonoTime observed_at_;
};

}  // namespace millrace::backends::serving::pool

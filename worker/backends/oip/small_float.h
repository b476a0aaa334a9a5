// Converts FP16 and BF16 from and to double, rounding to nearest even. Not all supported compilers
// for x86 have types for them.
//
// Pure.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

namespace millrace::backends::oip {

// IEEE 754's layout in 16 bits: sign, exponent, mantissa.
struct SmallFloat {
    int mantissa_bits = 0;
    int exponent_max = 0;  // Of finite numbers; also the bias.
};

inline constexpr SmallFloat kHalf{10, 15};       // FP16
inline constexpr SmallFloat kBrainHalf{7, 127};  // BF16

// Nothing if a finite number is too large.
inline std::optional<std::uint16_t> to_small(SmallFloat format, double value) {
    const auto sign = static_cast<std::uint32_t>(std::signbit(value)) << 15;
    const auto infinity = static_cast<std::uint32_t>(2 * format.exponent_max + 1)
                          << format.mantissa_bits;
    const auto quiet = 1U << (format.mantissa_bits - 1);
    if (std::isnan(value)) return static_cast<std::uint16_t>(sign | infinity | quiet);
    if (std::isinf(value)) return static_cast<std::uint16_t>(sign | infinity);

    // Subnormal numbers have the smallest exponent and no hidden bit. A mantissa that is rounded up
    // to the next power of two carries into the exponent, which is correct.
    const int exponent_min = 1 - format.exponent_max;
    const int exponent = value == 0 ? exponent_min : std::max(std::ilogb(value), exponent_min);
    const auto mantissa = static_cast<std::uint32_t>(
        std::nearbyint(std::ldexp(std::abs(value), format.mantissa_bits - exponent)));
    const auto biased = static_cast<std::uint32_t>(exponent - exponent_min);
    const auto bits = (biased << format.mantissa_bits) + mantissa;
    if (exponent > format.exponent_max || bits >= infinity) return std::nullopt;
    return static_cast<std::uint16_t>(sign | bits);
}

inline float from_small(SmallFloat format, std::uint16_t bits) {
    const int mantissa = bits & ((1 << format.mantissa_bits) - 1);
    const int biased = (bits & 0x7FFF) >> format.mantissa_bits;
    const float sign = (bits & 0x8000) != 0 ? -1.0F : 1.0F;
    if (biased == 2 * format.exponent_max + 1) {
        return mantissa != 0 ? std::numeric_limits<float>::quiet_NaN()
                             : sign * std::numeric_limits<float>::infinity();
    }
    const int hidden = biased == 0 ? 0 : 1 << format.mantissa_bits;
    const int exponent = std::max(biased, 1) - format.exponent_max;
    return sign *
           std::ldexp(static_cast<float>(hidden + mantissa), exponent - format.mantissa_bits);
}

}  // namespace millrace::backends::oip

#include "common/json/number.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <system_error>

namespace millrace::json_text {
namespace {

// Any shorter number without an exponent fits.
constexpr std::size_t kDigitsSafe = 300;
// No text is long enough to make up for a larger exponent.
constexpr std::int64_t kPowerMax = std::int64_t{1} << 60;

std::int64_t power_of(std::string_view exponent) {
    if (exponent.starts_with('+')) exponent.remove_prefix(1);
    std::int64_t power = 0;
    const auto* end = exponent.data() + exponent.size();
    if (std::from_chars(exponent.data(), end, power).ec == std::errc::result_out_of_range) {
        power = exponent.starts_with('-') ? -kPowerMax : kPowerMax;
    }
    return std::clamp(power, -kPowerMax, kPowerMax);
}

// Whether a number that does not fit a double is too large rather than too small.
bool is_large(std::string_view number) {
    const auto e = std::min(number.find_first_of("eE"), number.size());
    const auto digits = number.substr(0, e);
    const auto first = digits.find_first_of("123456789");
    if (first == std::string_view::npos) return false;
    // The power of ten of the first digit that is not 0.
    const auto point = std::min(digits.find('.'), digits.size());
    const auto place = first < point ? static_cast<std::int64_t>(point - first)
                                     : -static_cast<std::int64_t>(first - point);
    return power_of(number.substr(std::min(e + 1, number.size()))) + place > 0;
}

}  // namespace

bool fits_double(std::string_view number) {
    const bool has_exponent =
        number.find('e') != std::string_view::npos || number.find('E') != std::string_view::npos;
    if (number.size() < kDigitsSafe && !has_exponent) return true;
    double value = 0;
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), value);
    return parsed.ec == std::errc() || !is_large(number);
}

}  // namespace millrace::json_text

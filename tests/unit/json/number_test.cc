#include "common/json/number.h"

#include <gtest/gtest.h>

#include <string>

#include "common/json/mend.h"

namespace millrace::json_text {
namespace {

std::string zeros(std::size_t count) {
    return std::string(count, '0');
}

TEST(FitsDouble, AcceptsNumbersThatRoundToADouble) {
    for (const std::string number :
         {"0", "-0", "0.0", "12", "-1.5e3", "1.7976931348623157e308", "4.9e-324", "1E+308"}) {
        EXPECT_TRUE(fits_double(number)) << number;
    }
    EXPECT_TRUE(fits_double("1" + zeros(308)));
    EXPECT_TRUE(fits_double("1" + zeros(400) + "e-100"));
    EXPECT_TRUE(fits_double("0." + zeros(400) + "1e+405"));
}

TEST(FitsDouble, AcceptsNumbersNextToZero) {
    for (const std::string number : {"1e-400", "-1e-400", "1e-99999999999999999999999",
                                     "0.1e-9223372036854775808", "123e-5000"}) {
        EXPECT_TRUE(fits_double(number)) << number;
    }
    EXPECT_TRUE(fits_double("0." + zeros(400) + "1"));
    EXPECT_TRUE(fits_double("0." + zeros(400) + "1e+5"));
    EXPECT_TRUE(fits_double("-0." + zeros(400) + "1E5"));
}

TEST(FitsDouble, RefusesNumbersThatAreTooLarge) {
    for (const std::string number :
         {"1e309", "-1e309", "1.7976931348623159e308", "1e99999999999999999999999",
          "10e9223372036854775807", "0.1e9223372036854775807"}) {
        EXPECT_FALSE(fits_double(number)) << number;
    }
    EXPECT_FALSE(fits_double("1" + zeros(400)));
    EXPECT_FALSE(fits_double("1" + zeros(400) + "e-5"));
    EXPECT_FALSE(fits_double("-1" + zeros(400) + ".5E-5"));
    EXPECT_FALSE(fits_double("0." + zeros(400) + "1e+800"));
}

TEST(FitsDouble, AcceptsZeroWithAnyExponent) {
    for (const std::string number : {"0e999", "0.000e99999999999999999999999", "-0E-999"}) {
        EXPECT_TRUE(fits_double(number)) << number;
    }
}

// The gateway must accept exactly the numbers that a worker may send, so both ask fits_double():
// the worker when it mends, the gateway when it checks a body (json_syntax.cc).
TEST(FitsDouble, DecidesWhatIsMended) {
    for (const auto& number : {"1" + zeros(400) + "e-5", "0." + zeros(400) + "1e+5"}) {
        EXPECT_EQ(mend(number).has_value(), fits_double(number)) << number;
    }
}

}  // namespace
}  // namespace millrace::json_text

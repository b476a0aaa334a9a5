#include "worker/backends/oip/tensor.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "worker/backends/oip/base64.h"

namespace millrace::backends::oip {
namespace {

using nlohmann::json;

std::string hex(std::string_view bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

std::string encoded(Datatype datatype, const std::string& data) {
    const auto bytes = encode_elements({.datatype = datatype}, json::parse(data));
    return bytes.has_value() ? hex(*bytes) : bytes.error().message;
}

std::string decoded(const JsonElements& elements, const std::string& bytes) {
    std::string text;
    append_elements(elements, bytes, text);
    return text;
}

// A value as it goes in, as bytes, and as it comes out again.
struct TensorCase {
    Datatype datatype;
    std::string data;
    std::string bytes;
    std::string back;
};

TEST(Tensor, EveryDatatypeRoundTrips) {
    const std::vector<TensorCase> cases{
        {Datatype::kBool, "[true,false,1,0]", "01000100", "[true,false,true,false]"},
        {Datatype::kUint8, "[0,255]", "00ff", "[0,255]"},
        {Datatype::kUint16, "[1,65535]", "0100ffff", "[1,65535]"},
        {Datatype::kUint32, "[4294967295]", "ffffffff", "[4294967295]"},
        {Datatype::kUint64, "[18446744073709551615]", "ffffffffffffffff", "[18446744073709551615]"},
        {Datatype::kInt8, "[-128,127]", "807f", "[-128,127]"},
        {Datatype::kInt16, "[-32768,2]", "00800200", "[-32768,2]"},
        {Datatype::kInt32, "[-1]", "ffffffff", "[-1]"},
        {Datatype::kInt64, "[-9223372036854775808]", "0000000000000080", "[-9223372036854775808]"},
        {Datatype::kFp16, R"([1,-2,0.1,65504,6e-8,"Infinity"])", "003c00c0662eff7b0100007c",
         R"([1,-2,0.099975586,65504,5.9604645e-08,"Infinity"])"},
        {Datatype::kBf16, R"([1,-2,3.14,"-Infinity"])", "803f00c0494080ff",
         R"([1,-2,3.140625,"-Infinity"])"},
        {Datatype::kFp32, R"([0.1,1,-0.0,3e38,"NaN"])", "cdcccc3d0000803f00000080e6b1617f0000c07f",
         R"([0.1,1,-0.0,3e+38,"NaN"])"},
        {Datatype::kFp64, R"([0.1,"-Infinity",1e300])",
         "9a9999999999b93f000000000000f0ff9c7500883ce4377e", R"([0.1,"-Infinity",1e+300])"},
        {Datatype::kBytes, R"(["a","","é"])", "01000000610000000002000000c3a9", R"(["a","","é"])"},
    };
    for (const auto& each : cases) {
        SCOPED_TRACE(name(each.datatype));
        EXPECT_EQ(parse_datatype(name(each.datatype)), each.datatype);
        EXPECT_EQ(encoded(each.datatype, each.data), each.bytes);
        const auto bytes = encode_elements({.datatype = each.datatype}, json::parse(each.data));
        ASSERT_TRUE(bytes.has_value());
        EXPECT_EQ(decoded({.datatype = each.datatype}, *bytes), each.back);
        // The result is JSON, and would make the same bytes.
        EXPECT_EQ(encoded(each.datatype, each.back), each.bytes);
    }
}

TEST(Tensor, SaysWhichElementIsWrong) {
    EXPECT_EQ(encoded(Datatype::kUint8, "[1,[256]]"),
              "element 1 must be an integer from 0 to 255 for UINT8");
    EXPECT_EQ(encoded(Datatype::kUint8, "[-1]"),
              "element 0 must be an integer from 0 to 255 for UINT8");
    EXPECT_EQ(encoded(Datatype::kInt64, "[1.5]"),
              "element 0 must be an integer of 64 bits for INT64");
    EXPECT_EQ(encoded(Datatype::kBool, "[2]"), "element 0 must be true or false for BOOL");
    EXPECT_EQ(encoded(Datatype::kBytes, "[1]"), "element 0 must be a string for BYTES");
    for (const auto* too_large : {"[65520]", "[1e6]", "[null]", "[\"1\"]"}) {
        EXPECT_NE(encoded(Datatype::kFp16, too_large).find("a number up to 65504"),
                  std::string::npos)
            << too_large;
    }
    EXPECT_NE(encoded(Datatype::kBf16, "[3.4e38]").find("BF16"), std::string::npos);
    EXPECT_NE(encoded(Datatype::kFp32, "[1e39]").find("FP32"), std::string::npos);
    EXPECT_EQ(encoded(Datatype::kFp32, "{}"), "'data' must be a list of elements");
    EXPECT_EQ(encoded(Datatype::kFp32, "null"), "'data' must be a list of elements");
    EXPECT_NE(encoded(Datatype::kFp32, std::string(100, '[') + std::string(100, ']'))
                  .find("nested too deeply"),
              std::string::npos);
}

TEST(Tensor, TakesWholeNumbersWithAFraction) {
    EXPECT_EQ(encoded(Datatype::kInt8, "[1.0,-2e0]"), "01fe");
    EXPECT_EQ(encoded(Datatype::kBool, "[1]"), "01");
    EXPECT_NE(encoded(Datatype::kInt8, "[200.0]").find("INT8"), std::string::npos);
    EXPECT_NE(encoded(Datatype::kInt64, "[1e300]").find("INT64"), std::string::npos);
}

TEST(Tensor, CountsTheGivenElements) {
    EXPECT_EQ(count_elements(Datatype::kFp32, "12345678"), 2U);
    EXPECT_EQ(count_elements(Datatype::kFp32, "123"), std::nullopt);
    const std::string strings("\x01\0\0\0a\0\0\0\0", 9);
    EXPECT_EQ(count_elements(Datatype::kBytes, strings), 2U);
    EXPECT_EQ(count_elements(Datatype::kBytes, std::string_view(strings).substr(0, 7)),
              std::nullopt);
}

TEST(Tensor, RoundsToTheNearestSmallFloat) {
    // Halfway between two values, the even one is taken. Rounding up may carry into the exponent.
    EXPECT_EQ(encoded(Datatype::kFp16, "[2049,2051,2047.9,65519]"),
              "00680268"
              "0068"
              "ff7b");
    EXPECT_EQ(encoded(Datatype::kFp16, "[6.103515625e-05,6.1033e-05,2.9e-08,3e-08]"),
              "0004"
              "0004"
              "0000"
              "0100");
    EXPECT_EQ(encoded(Datatype::kBf16, "[1.00390625,1.01171875]"),
              "803f"
              "823f");
}

TEST(Tensor, EverySmallFloatComesBack) {
    for (const auto datatype : {Datatype::kFp16, Datatype::kBf16}) {
        for (unsigned bits = 0; bits < 0x10000; ++bits) {
            const std::string bytes{static_cast<char>(bits & 255), static_cast<char>(bits >> 8)};
            const auto text = decoded({.datatype = datatype}, bytes);
            if (text == R"(["NaN"])") continue;
            ASSERT_EQ(encoded(datatype, text), hex(bytes)) << text;
        }
    }
}

TEST(Tensor, ShowsBytesThatAreNotTextInBase64) {
    const std::string binary("\x03\0\0\0a\xff\0\x01\0\0\0b", 12);
    EXPECT_TRUE(needs_base64(binary));
    EXPECT_FALSE(needs_base64(std::string("\x02\0\0\0\xc3\xa9", 6)));
    const JsonElements base64{.datatype = Datatype::kBytes, .base64 = true};
    EXPECT_EQ(decoded(base64, binary), R"(["Yf8A","Yg=="])");
    EXPECT_EQ(*encode_elements(base64, json::parse(R"(["Yf8A","Yg=="])")), binary);
    EXPECT_FALSE(encode_elements(base64, json::parse(R"(["Yf8"])")).has_value());
}

TEST(Tensor, NullIsNotANumberOfAClient) {
    EXPECT_FALSE(encode_elements({.datatype = Datatype::kFp32}, {nullptr}).has_value());
    const JsonElements lenient{.datatype = Datatype::kFp32, .null_nan = true};
    EXPECT_EQ(decoded(lenient, *encode_elements(lenient, json::array({nullptr}))), R"(["NaN"])");
}

TEST(Tensor, CountsElements) {
    EXPECT_EQ(element_count({}), 1U);
    EXPECT_EQ(element_count({2, 3}), 6U);
    EXPECT_EQ(element_count({1 << 30, 0}), 0U);
    EXPECT_EQ(element_count({1LL << 40, 1LL << 40}), std::nullopt);
    EXPECT_EQ(elements_size(Datatype::kFp32, "12345678", 2), 8U);
    EXPECT_EQ(elements_size(Datatype::kFp32, "1234567", 2), std::nullopt);
    const std::string strings("\x01\0\0\0a\0\0\0\0", 9);
    EXPECT_EQ(elements_size(Datatype::kBytes, strings, 1), 5U);
    EXPECT_EQ(elements_size(Datatype::kBytes, strings, 2), 9U);
    EXPECT_EQ(elements_size(Datatype::kBytes, strings, 3), std::nullopt);
    EXPECT_EQ(elements_size(Datatype::kBytes, std::string_view(strings).substr(0, 4), 1),
              std::nullopt);
}

TEST(Base64, RoundTrips) {
    for (const auto& [bytes, text] : std::vector<std::pair<std::string, std::string>>{
             {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}}) {
        EXPECT_EQ(to_base64(bytes), text);
        EXPECT_EQ(from_base64(text), bytes);
    }
    for (const auto* wrong : {"Zg", "Zg=", "Zg===", "=", "Zh==", "Z!==", "Zm9v\n"}) {
        EXPECT_EQ(from_base64(wrong), std::nullopt) << wrong;
    }
}

}  // namespace
}  // namespace millrace::backends::oip

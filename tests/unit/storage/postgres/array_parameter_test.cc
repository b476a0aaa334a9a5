#include "common/storage/postgres/array_parameter.h"

#include <gtest/gtest.h>

namespace millrace::storage {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using Element = postgres::ArrayParameter::Element;

std::string header(std::int8_t count, std::uint8_t oid_high, std::uint8_t oid_low, char nulls = 0) {
    std::string bytes = "\0\0\0\1\0\0\0"s + nulls + "\0\0"s;
    bytes += static_cast<char>(oid_high);
    bytes += static_cast<char>(oid_low);
    return bytes + "\0\0\0"s + static_cast<char>(count) + "\0\0\0\1"s;
}

TEST(ArrayParameter, WithoutElementsHasNoDimension) {
    EXPECT_EQ(postgres::ArrayParameter(Element::kInt8).bytes(), "\0\0\0\0\0\0\0\0\0\0\0\x14"s);
}

TEST(ArrayParameter, WritesIntegersBigEndian) {
    postgres::ArrayParameter array(Element::kInt8);
    array.add(std::int64_t{1});
    array.add(std::int64_t{-2});
    EXPECT_EQ(array.bytes(), header(2, 0, 20) + "\0\0\0\x08\0\0\0\0\0\0\0\1"s +
                                 "\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xfe"s);
    postgres::ArrayParameter small(Element::kInt2);
    small.add(std::int16_t{0x0102});
    EXPECT_EQ(small.bytes(), header(1, 0, 21) + "\0\0\0\2\1\2"s);
    postgres::ArrayParameter middle(Element::kInt4);
    middle.add(std::int32_t{0x01020304});
    EXPECT_EQ(middle.bytes(), header(1, 0, 23) + "\0\0\0\4\1\2\3\4"s);
}

TEST(ArrayParameter, WritesTextUnchanged) {
    const auto array = postgres::text_array({"a\"b", "", "\0x"s});
    EXPECT_EQ(array.size(), 3);
    EXPECT_EQ(array.bytes(), header(3, 0, 25) + "\0\0\0\3a\"b\0\0\0\0\0\0\0\2\0x"s);
}

TEST(ArrayParameter, MarksNulls) {
    postgres::ArrayParameter array(Element::kBool);
    array.add(true);
    array.add_null();
    array.add(std::optional<bool>());
    EXPECT_EQ(array.bytes(), header(3, 0, 16, 1) + "\0\0\0\1\1\xff\xff\xff\xff\xff\xff\xff\xff"s);
}

TEST(ArrayParameter, CountsTimeFrom2000) {
    postgres::ArrayParameter array(Element::kTimestamptz);
    array.add(DbTime(946'684'800s + 1us));
    EXPECT_EQ(array.bytes(), header(1, 0x04, 0xa0) + "\0\0\0\x08\0\0\0\0\0\0\0\1"s);
}

TEST(ArrayParameter, WritesUuids) {
    const auto uuid = Uuid::parse("00010203-0405-0607-0809-0a0b0c0d0e0f").value();
    const auto array = postgres::uuid_array(std::vector{JobId(uuid)});
    EXPECT_EQ(array.bytes(), header(1, 0x0b, 0x86) + "\0\0\0\x10"s +
                                 "\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"s);
}

}  // namespace
}  // namespace millrace::storage

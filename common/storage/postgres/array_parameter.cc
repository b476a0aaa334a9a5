#include "common/storage/postgres/array_parameter.h"

namespace millrace::storage {
namespace {

constexpr std::size_t kHeaderBytes = 20;
constexpr std::int64_t kMicrosFrom1970To2000 = 946'684'800'000'000;

template <class Integer>
void append_big_endian(std::string& bytes, Integer value) {
    using Unsigned = std::make_unsigned_t<Integer>;
    const auto raw = static_cast<Unsigned>(value);
    for (int shift = (static_cast<int>(sizeof raw) - 1) * 8; shift >= 0; shift -= 8) {
        bytes += static_cast<char>(static_cast<std::uint8_t>(raw >> shift));
    }
}

}  // namespace

ArrayParameter::ArrayParameter(Element element) : bytes_(kHeaderBytes, '\0') {
    std::string oid;
    append_big_endian(oid, static_cast<std::int32_t>(element));
    bytes_.replace(8, 4, oid);
}

void ArrayParameter::add(const Uuid& uuid) {
    add_length(16);
    bytes_.append(reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size());
}

void ArrayParameter::add_int8(std::int64_t value) {
    add_length(8);
    append_big_endian(bytes_, value);
}

void ArrayParameter::add_int2(int value) {
    add_length(2);
    append_big_endian(bytes_, static_cast<std::int16_t>(value));
}

void ArrayParameter::add_bool(bool value) {
    add_length(1);
    bytes_ += value ? '\1' : '\0';
}

void ArrayParameter::add_bytes(std::string_view bytes) {
    add_length(static_cast<std::int32_t>(bytes.size()));
    bytes_ += bytes;
}

void ArrayParameter::add_time(DbTime time) {
    add_int8(time.time_since_epoch().count() - kMicrosFrom1970To2000);
}

void ArrayParameter::add_null() {
    add_length(-1);
    has_null_ = true;
}

const std::string& ArrayParameter::finish() {
    std::string header;
    append_big_endian(header, std::int32_t{1});
    append_big_endian(header, std::int32_t{has_null_ ? 1 : 0});
    header.append(bytes_, 8, 4);
    append_big_endian(header, count_);
    append_big_endian(header, std::int32_t{1});
    bytes_.replace(0, kHeaderBytes, header);
    return bytes_;
}

void ArrayParameter::add_length(std::int32_t length) {
    append_big_endian(bytes_, length);
    ++count_;
}

ArrayParameter text_array(const std::vector<std::string>& texts) {
    ArrayParameter array(ArrayParameter::Element::kText);
    for (const auto& text : texts) array.add_bytes(text);
    return array;
}

}  // namespace millrace::storage

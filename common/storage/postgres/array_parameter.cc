#include "common/storage/postgres/array_parameter.h"

#include <type_traits>

namespace millrace::storage::postgres {
namespace {

constexpr std::int64_t kMicrosFrom1970To2000 = 946'684'800'000'000;

template <class Integer>
void append_big_endian(std::string& bytes, Integer value) {
    const auto raw = static_cast<std::make_unsigned_t<Integer>>(value);
    for (int shift = (static_cast<int>(sizeof raw) - 1) * 8; shift >= 0; shift -= 8) {
        bytes += static_cast<char>(static_cast<std::uint8_t>(raw >> shift));
    }
}

}  // namespace

ArrayParameter::ArrayParameter(Element element) : element_(element) {}

void ArrayParameter::add(const Uuid& uuid) {
    add_length(uuid.bytes.size());
    elements_.append(reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size());
}

void ArrayParameter::add(bool value) {
    add_length(1);
    elements_ += value ? '\1' : '\0';
}

void ArrayParameter::add(std::int64_t value) {
    add_length(sizeof value);
    append_big_endian(elements_, value);
}

void ArrayParameter::add(std::int32_t value) {
    add_length(sizeof value);
    append_big_endian(elements_, value);
}

void ArrayParameter::add(std::int16_t value) {
    add_length(sizeof value);
    append_big_endian(elements_, value);
}

void ArrayParameter::add(DbTime time) {
    // The extremes are PostgreSQL's infinities and must stay so.
    const bool infinite = time == DbTime::min() || time == DbTime::max();
    const std::int64_t micros = time.time_since_epoch().count();
    add(infinite ? micros : micros - kMicrosFrom1970To2000);
}

void ArrayParameter::add(std::string_view bytes) {
    add_length(bytes.size());
    elements_ += bytes;
}

void ArrayParameter::add_null() {
    append_big_endian(elements_, std::int32_t{-1});
    ++count_;
    has_null_ = true;
}

std::string ArrayParameter::bytes() const {
    std::string bytes;
    bytes.reserve(20 + elements_.size());
    append_big_endian(bytes, std::int32_t{count_ == 0 ? 0 : 1});
    append_big_endian(bytes, std::int32_t{has_null_ ? 1 : 0});
    append_big_endian(bytes, static_cast<std::uint32_t>(element_));
    if (count_ == 0) return bytes;
    append_big_endian(bytes, count_);
    append_big_endian(bytes, std::int32_t{1});
    return bytes += elements_;
}

void ArrayParameter::add_length(std::size_t length) {
    append_big_endian(elements_, static_cast<std::int32_t>(length));
    ++count_;
}

ArrayParameter text_array(const std::vector<std::string>& texts) {
    ArrayParameter array(ArrayParameter::Element::kText);
    for (const auto& text : texts) array.add(std::string_view(text));
    return array;
}

}  // namespace millrace::storage::postgres

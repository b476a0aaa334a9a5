// PostgreSQL arrays in their binary wire format, as parameters of prepared statements.
//
// A statement takes its whole batch as one array per column; encoding them in binary is faster for
// both sides than text and needs no quoting. Format: src/include/utils/array.h and array_recv() of
// PostgreSQL 15: dimensions, null flag, element type, length, lower bound, then each element's
// length (-1: null) and bytes, all big-endian.
//
// Threads: one caller at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/uuid.h"
#include "common/storage/records.h"

namespace millrace::storage {

// Builds one array, element by element.
class ArrayParameter {
 public:
    // Object ids of element types, fixed in PostgreSQL's catalogue (pg_type.dat).
    enum class Element : std::uint32_t {
        kBool = 16,
        kBytea = 17,
        kInt8 = 20,
        kInt2 = 21,
        kText = 25,
        kTimestamptz = 1184,
        kUuid = 2950,
    };

    explicit ArrayParameter(Element element);

    void add(const Uuid& uuid);
    void add_int8(std::int64_t value);
    void add_int2(int value);
    void add_bool(bool value);
    void add_bytes(std::string_view bytes);  // Text and bytea.
    void add_time(DbTime time);
    void add_null();

    // The whole array. Nothing may be added afterwards.
    const std::string& finish();

 private:
    void add_length(std::int32_t length);

    std::string bytes_;
    std::int32_t count_ = 0;
    bool has_null_ = false;
};

template <class Id>
ArrayParameter uuid_array(const std::vector<Id>& ids) {
    ArrayParameter array(ArrayParameter::Element::kUuid);
    for (const auto& id : ids) array.add(id.uuid());
    return array;
}

ArrayParameter text_array(const std::vector<std::string>& texts);

}  // namespace millrace::storage

// PostgreSQL arrays in their binary wire format, as parameters of prepared statements.
//
// A statement takes its whole batch as one array per column. In binary this is faster than text for
// both sides and needs no quoting. The format follows src/include/utils/array.h and array_recv() of
// PostgreSQL 15: dimensions, null flag, element type, length, lower bound, then the length (-1:
// null) and bytes of each element, all big-endian. Internal to this folder.
//
// Threads: one caller at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/uuid.h"
#include "common/storage/records.h"

namespace millrace::storage::postgres {

// Builds one array, element by element.
class ArrayParameter {
 public:
    // Object ids of element types, fixed in PostgreSQL's catalogue (pg_type.dat).
    enum class Element : std::uint32_t {
        kBool = 16,
        kBytea = 17,
        kInt8 = 20,
        kInt2 = 21,
        kInt4 = 23,
        kText = 25,
        kTimestamptz = 1184,
        kUuid = 2950,
    };

    explicit ArrayParameter(Element element);

    void add(const Uuid& uuid);
    void add(bool value);
    void add(std::int64_t value);
    void add(std::int32_t value);
    void add(std::int16_t value);
    void add(std::chrono::milliseconds value) { add(std::int64_t{value.count()}); }
    void add(DbTime time);
    void add(std::string_view bytes);  // For text and bytea.
    void add(const char* text) { add(std::string_view(text)); }
    void add_null();
    void add_unless_empty(std::string_view bytes) { bytes.empty() ? add_null() : add(bytes); }
    template <class T>
    void add(const std::optional<T>& value) {
        value ? add(*value) : add_null();
    }

    int size() const { return count_; }
    // The array with the elements added so far.
    std::string bytes() const;

 private:
    void add_length(std::size_t length);

    Element element_;
    std::string elements_;
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

}  // namespace millrace::storage::postgres

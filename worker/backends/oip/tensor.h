// Tensors of the Open Inference Protocol, and the conversion of their elements from and to JSON.
//
// Inside the backend elements are always bytes, as in the protocol's binary extension: row-major,
// little-endian, BOOL one byte, BYTES a 32-bit length before each element. JSON is read and written
// only at the edges, so that checks, batches and answers handle a single form.
//
// JSON cannot express some elements:
//   NaN, Infinity, -Infinity        the strings "NaN", "Infinity", "-Infinity"
//   BYTES that are not valid UTF-8  base64; the tensor's parameter "content_type" is then "base64"
//
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace millrace::backends::oip {

enum class Datatype {
    kBool,
    kUint8,
    kUint16,
    kUint32,
    kUint64,
    kInt8,
    kInt16,
    kInt32,
    kInt64,
    kFp16,
    kBf16,
    kFp32,
    kFp64,
    kBytes,
};

std::string_view name(Datatype datatype);  // "FP32", as the protocol spells it.
std::optional<Datatype> parse_datatype(std::string_view name);

using Shape = std::vector<std::int64_t>;

struct Tensor {
    std::string name;
    Datatype datatype = Datatype::kFp32;
    Shape shape;             // No dimension is negative.
    std::string parameters;  // A JSON object as text, or empty.
    std::string bytes;       // As many elements as the shape has.
};

// Whether its parameters say that its BYTES are base64 in JSON.
bool has_base64(const Tensor& tensor);

// "[2,3]"
std::string show(const Shape& shape);

// The number of elements; nothing if there are more than 2^40, which no real tensor has.
std::optional<std::size_t> element_count(const Shape& shape);

// How the elements are encoded in JSON.
struct JsonElements {
    Datatype datatype = Datatype::kFp32;
    bool base64 = false;    // BYTES are in base64.
    bool null_nan = false;  // null means NaN, as on some servers.
};

// Converts flat or nested lists, or a single element, to bytes. kInvalidArgument names the element
// and says what it should be.
Result<std::string> encode_elements(const JsonElements& elements,
                                    const nlohmann::ordered_json& data);

// Appends a flat JSON list of all elements. Requires: whole elements.
void append_elements(const JsonElements& elements, std::string_view bytes, std::string& text);

// The size of the first `count` elements; nothing if there are fewer.
std::optional<std::size_t> elements_size(Datatype datatype, std::string_view bytes,
                                         std::size_t count);

// The number of elements; nothing if the last one is incomplete.
std::optional<std::size_t> count_elements(Datatype datatype, std::string_view bytes);

// Whether BYTES elements are valid as JSON strings only in base64.
bool needs_base64(std::string_view bytes);

}  // namespace millrace::backends::oip

// Tensors of the Open Inference Protocol, and their elements as JSON and as bytes.
//
// Inside the backend elements are always bytes, as the protocol's binary extension has them:
// row-major, little-endian, BOOL one byte, BYTES a 32-bit length before each element. JSON is read
// and written at the edges only, so that checks, batches and answers have one form to deal with.
//
// JSON has no words for some elements:
//   NaN, Infinity, -Infinity   the strings "NaN", "Infinity", "-Infinity"
//   BYTES that are no UTF-8    base64; the tensor's parameter "content_type" is then "base64"
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

namespace millrace::worker {

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
    Shape shape;             // None negative.
    std::string parameters;  // A JSON object as text, or empty.
    std::string bytes;       // As many elements as the shape says.
};

// Whether its parameters say that JSON has its BYTES in base64.
bool has_base64(const Tensor& tensor);

// "[2,3]"
std::string show(const Shape& shape);

// Nothing when there are more than 2^40, which is no shape of anything real.
std::optional<std::size_t> element_count(const Shape& shape);

// How JSON means its elements.
struct JsonElements {
    Datatype datatype = Datatype::kFp32;
    bool base64 = false;    // BYTES are in base64.
    bool null_nan = false;  // null is NaN, as some servers have it.
};

// Flat or nested lists, or a single element. kInvalidArgument names the element and what it should
// be.
Result<std::string> encode_elements(const JsonElements& elements,
                                    const nlohmann::ordered_json& data);

// Appends a flat JSON list of all elements. Requires: whole elements.
void append_elements(const JsonElements& elements, std::string_view bytes, std::string& text);

// The size of the first `count` elements; nothing when there are fewer.
std::optional<std::size_t> elements_size(Datatype datatype, std::string_view bytes,
                                         std::size_t count);

// How many elements these are; nothing where the last is not whole.
std::optional<std::size_t> count_elements(Datatype datatype, std::string_view bytes);

// Whether BYTES elements can be shown as JSON strings only in base64.
bool needs_base64(std::string_view bytes);

}  // namespace millrace::worker

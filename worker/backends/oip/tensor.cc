#include "worker/backends/oip/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/check.h"
#include "common/base/text.h"
#include "worker/backends/oip/base64.h"
#include "worker/backends/oip/small_float.h"

namespace millrace::backends::oip {
namespace {

using nlohmann::ordered_json;  // Parameters keep their order.

static_assert(std::endian::native == std::endian::little, "bytes are copied as they are");

constexpr std::size_t kElementsMax = std::size_t{1} << 40;
constexpr std::size_t kLengthBytes = sizeof(std::uint32_t);  // Before each BYTES element.
constexpr std::size_t kNestingMax = 32;

struct Row {
    Datatype datatype;
    std::string_view name;
    std::size_t size;         // Bytes of an element; 0: each element holds its own size.
    std::string_view wanted;  // What the JSON must be.
};

constexpr std::array kRows{
    Row{Datatype::kBool, "BOOL", 1, "true or false"},
    Row{Datatype::kUint8, "UINT8", 1, "an integer from 0 to 255"},
    Row{Datatype::kUint16, "UINT16", 2, "an integer from 0 to 65535"},
    Row{Datatype::kUint32, "UINT32", 4, "an integer from 0 to 4294967295"},
    Row{Datatype::kUint64, "UINT64", 8, "an integer from 0 to 18446744073709551615"},
    Row{Datatype::kInt8, "INT8", 1, "an integer from -128 to 127"},
    Row{Datatype::kInt16, "INT16", 2, "an integer from -32768 to 32767"},
    Row{Datatype::kInt32, "INT32", 4, "an integer from -2147483648 to 2147483647"},
    Row{Datatype::kInt64, "INT64", 8, "an integer of 64 bits"},
    Row{Datatype::kFp16, "FP16", 2, "a number up to 65504, \"NaN\", \"Infinity\" or \"-Infinity\""},
    Row{Datatype::kBf16, "BF16", 2,
        "a number up to 3.38e38, \"NaN\", \"Infinity\" or \"-Infinity\""},
    Row{Datatype::kFp32, "FP32", 4,
        "a number up to 3.4e38, \"NaN\", \"Infinity\" or \"-Infinity\""},
    Row{Datatype::kFp64, "FP64", 8, "a number, \"NaN\", \"Infinity\" or \"-Infinity\""},
    Row{Datatype::kBytes, "BYTES", 0, "a string"},
};

const Row& row_of(Datatype datatype) {
    const auto& row = kRows[static_cast<std::size_t>(datatype)];
    CHECK(row.datatype == datatype);
    return row;
}

template <class Value>
bool put(Value value, std::string& bytes) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes.append(raw, sizeof value);
    return true;
}

template <class Value>
Value get(std::string_view bytes) {
    Value value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

// --- From JSON ----------------------------------------------------------------------------------

// Some servers write all numbers with a fraction. Beyond 2^53 a double may stand for several
// integers.
std::optional<std::int64_t> whole_number(const ordered_json& value) {
    constexpr double kSureMax = 9007199254740992.0;
    const auto number = value.get<double>();
    if (std::abs(number) > kSureMax || number != std::trunc(number)) return std::nullopt;
    return static_cast<std::int64_t>(number);
}

bool put_bool(const ordered_json& value, std::string& bytes) {
    if (value.is_boolean()) return put(static_cast<std::uint8_t>(value.get<bool>()), bytes);
    if (!value.is_number_integer()) return false;
    const auto number = value.get<std::int64_t>();
    return (number == 0 || number == 1) && put(static_cast<std::uint8_t>(number), bytes);
}

template <class Integer>
bool put_integer(const ordered_json& value, std::string& bytes) {
    if (value.is_number_unsigned()) {
        const auto number = value.get<std::uint64_t>();
        return std::in_range<Integer>(number) && put(static_cast<Integer>(number), bytes);
    }
    if (!value.is_number()) return false;
    const auto number =
        value.is_number_integer() ? std::optional(value.get<std::int64_t>()) : whole_number(value);
    return number && std::in_range<Integer>(*number) && put(static_cast<Integer>(*number), bytes);
}

std::optional<double> number_of(const ordered_json& value, bool null_nan) {
    if (value.is_number()) return value.get<double>();
    if (value == "NaN" || (null_nan && value.is_null())) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    if (value == "Infinity") return std::numeric_limits<double>::infinity();
    if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
    return std::nullopt;
}

bool put_float(Datatype datatype, double value, std::string& bytes) {
    if (datatype == Datatype::kFp64) return put(value, bytes);
    if (datatype == Datatype::kFp32) {
        const auto narrow = static_cast<float>(value);
        return (std::isfinite(narrow) || !std::isfinite(value)) && put(narrow, bytes);
    }
    const auto bits = to_small(datatype == Datatype::kFp16 ? kHalf : kBrainHalf, value);
    return bits && put(*bits, bytes);
}

bool put_string(const ordered_json& value, bool base64, std::string& bytes) {
    if (!value.is_string()) return false;
    const auto& text = value.get_ref<const std::string&>();
    const auto decoded = base64 ? from_base64(text) : std::nullopt;
    if (base64 && !decoded) return false;
    const auto& element = base64 ? *decoded : text;
    put(static_cast<std::uint32_t>(element.size()), bytes);
    bytes += element;
    return true;
}

bool put_element(const JsonElements& elements, const ordered_json& value, std::string& bytes) {
    switch (elements.datatype) {
        case Datatype::kBool:
            return put_bool(value, bytes);
        case Datatype::kUint8:
            return put_integer<std::uint8_t>(value, bytes);
        case Datatype::kUint16:
            return put_integer<std::uint16_t>(value, bytes);
        case Datatype::kUint32:
            return put_integer<std::uint32_t>(value, bytes);
        case Datatype::kUint64:
            return put_integer<std::uint64_t>(value, bytes);
        case Datatype::kInt8:
            return put_integer<std::int8_t>(value, bytes);
        case Datatype::kInt16:
            return put_integer<std::int16_t>(value, bytes);
        case Datatype::kInt32:
            return put_integer<std::int32_t>(value, bytes);
        case Datatype::kInt64:
            return put_integer<std::int64_t>(value, bytes);
        case Datatype::kFp16:
        case Datatype::kBf16:
        case Datatype::kFp32:
        case Datatype::kFp64: {
            const auto number = number_of(value, elements.null_nan);
            return number && put_float(elements.datatype, *number, bytes);
        }
        case Datatype::kBytes:
            return put_string(value, elements.base64, bytes);
    }
    CHECK(false);
}

// Encodes the elements of nested lists, in order.
class Encoder {
 public:
    explicit Encoder(const JsonElements& elements) : elements_(elements) {}

    Status add(const ordered_json& list, std::size_t depth) {
        for (const auto& value : list) {
            if (value.is_array()) {
                if (depth == kNestingMax) return wrong("is nested too deeply");
                TRY_STATUS(add(value, depth + 1));
                continue;
            }
            if (!put_element(elements_, value, bytes_)) {
                const auto& row = row_of(elements_.datatype);
                return wrong(fmt::format("must be {}{} for {}", row.wanted,
                                         elements_.base64 ? " of base64" : "", row.name));
            }
            ++count_;
        }
        return ok();
    }
    std::string bytes() && { return std::move(bytes_); }

 private:
    Error wrong(const std::string& what) const {
        return {ErrorCode::kInvalidArgument, fmt::format("element {} {}", count_, what)};
    }

    const JsonElements& elements_;
    std::string bytes_;
    std::size_t count_ = 0;
};

// --- To JSON ------------------------------------------------------------------------------------

template <class Number>
void append_number(Number number, std::string& text) {
    if constexpr (std::is_floating_point_v<Number>) {
        if (std::isnan(number)) {
            text += "\"NaN\"";
            return;
        }
        if (std::isinf(number)) {
            text += number < 0 ? "\"-Infinity\"" : "\"Infinity\"";
            return;
        }
        // Without a fraction it would be read as the integer 0, which has no sign.
        if (number == 0 && std::signbit(number)) {
            text += "-0.0";
            return;
        }
    }
    // The shortest text that reads back as the same number: at most 24 characters.
    char shortest[32];
    const auto end = std::to_chars(std::begin(shortest), std::end(shortest), number).ptr;
    text.append(shortest, end);
}

// Appends one element and removes it from `bytes`.
void append_string(bool base64, std::string_view& bytes, std::string& text) {
    const auto size = get<std::uint32_t>(bytes);
    const auto element = bytes.substr(kLengthBytes, size);
    bytes.remove_prefix(kLengthBytes + size);
    text +=
        base64 ? fmt::format("\"{}\"", to_base64(element))
               : ordered_json(element).dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

void append_element(Datatype datatype, std::string_view element, std::string& text) {
    switch (datatype) {
        case Datatype::kBool:
            text += element[0] != 0 ? "true" : "false";
            return;
        case Datatype::kUint8:
            return append_number(get<std::uint8_t>(element), text);
        case Datatype::kUint16:
            return append_number(get<std::uint16_t>(element), text);
        case Datatype::kUint32:
            return append_number(get<std::uint32_t>(element), text);
        case Datatype::kUint64:
            return append_number(get<std::uint64_t>(element), text);
        case Datatype::kInt8:
            return append_number(get<std::int8_t>(element), text);
        case Datatype::kInt16:
            return append_number(get<std::int16_t>(element), text);
        case Datatype::kInt32:
            return append_number(get<std::int32_t>(element), text);
        case Datatype::kInt64:
            return append_number(get<std::int64_t>(element), text);
        case Datatype::kFp16:
            return append_number(from_small(kHalf, get<std::uint16_t>(element)), text);
        case Datatype::kBf16:
            return append_number(from_small(kBrainHalf, get<std::uint16_t>(element)), text);
        case Datatype::kFp32:
            return append_number(get<float>(element), text);
        case Datatype::kFp64:
            return append_number(get<double>(element), text);
        case Datatype::kBytes:
            break;  // Has no fixed size: see append_string.
    }
    CHECK(false);
}

}  // namespace

std::string_view name(Datatype datatype) {
    return row_of(datatype).name;
}

std::optional<Datatype> parse_datatype(std::string_view name) {
    for (const auto& row : kRows) {
        if (row.name == name) return row.datatype;
    }
    return std::nullopt;
}

bool has_base64(const Tensor& tensor) {
    if (tensor.datatype != Datatype::kBytes || tensor.parameters.empty()) return false;
    return ordered_json::parse(tensor.parameters).value("content_type", ordered_json()) == "base64";
}

std::string show(const Shape& shape) {
    return fmt::format("[{}]", fmt::join(shape, ","));
}

std::optional<std::size_t> element_count(const Shape& shape) {
    std::size_t count = 1;
    for (const auto dimension : shape) {
        const auto factor = static_cast<std::size_t>(dimension);
        if (factor != 0 && count > kElementsMax / factor) return std::nullopt;
        count *= factor;
    }
    return count;
}

Result<std::string> encode_elements(const JsonElements& elements, const ordered_json& data) {
    if (data.is_object() || data.is_null()) {
        return Error{ErrorCode::kInvalidArgument, "'data' must be a list of elements"};
    }
    Encoder encoder(elements);
    TRY_STATUS(encoder.add(data.is_array() ? data : ordered_json::array({data}), 1));
    return std::move(encoder).bytes();
}

void append_elements(const JsonElements& elements, std::string_view bytes, std::string& text) {
    const auto size = row_of(elements.datatype).size;
    text += '[';
    for (bool first = true; !bytes.empty(); first = false) {
        if (!first) text += ',';
        if (size == 0) {
            append_string(elements.base64, bytes, text);
        } else {
            append_element(elements.datatype, bytes.substr(0, size), text);
            bytes.remove_prefix(size);
        }
    }
    text += ']';
}

std::optional<std::size_t> elements_size(Datatype datatype, std::string_view bytes,
                                         std::size_t count) {
    if (const auto size = row_of(datatype).size; size != 0) {
        if (count > bytes.size() / size) return std::nullopt;
        return count * size;
    }
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (bytes.size() - at < kLengthBytes) return std::nullopt;
        const auto length = get<std::uint32_t>(bytes.substr(at));
        at += kLengthBytes;
        if (bytes.size() - at < length) return std::nullopt;
        at += length;
    }
    return at;
}

std::optional<std::size_t> count_elements(Datatype datatype, std::string_view bytes) {
    if (const auto size = row_of(datatype).size; size != 0) {
        return bytes.size() % size == 0 ? std::optional(bytes.size() / size) : std::nullopt;
    }
    std::size_t count = 0;
    for (; !bytes.empty(); ++count) {
        const auto size = elements_size(datatype, bytes, 1);
        if (!size) return std::nullopt;
        bytes.remove_prefix(*size);
    }
    return count;
}

bool needs_base64(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto size = get<std::uint32_t>(bytes);
        auto element = bytes.substr(kLengthBytes, size);
        while (!element.empty()) {
            const auto character = utf8_sequence(element);
            if (character == 0) return true;
            element.remove_prefix(character);
        }
        bytes.remove_prefix(kLengthBytes + size);
    }
    return false;
}

}  // namespace millrace::backends::oip

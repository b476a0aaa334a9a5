// Helpers of the four encodings: ids as bytes, numbers that must fit, and parsing. Internal to the
// module: the only header that shows protobuf's types, included only by the module's own files.
#pragma once

#include <google/protobuf/message_lite.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/uuid.h"

namespace millrace::wire {

inline std::string id_bytes(const Uuid& uuid) {
    return {reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size()};
}

template <class Id>
Result<Id> id_from(std::string_view bytes) {
    Uuid uuid;
    if (bytes.size() != uuid.bytes.size()) {
        return corrupt("an id of " + std::to_string(bytes.size()) + " bytes; ids have 16");
    }
    std::copy(bytes.begin(), bytes.end(), uuid.bytes.begin());
    return Id(uuid);
}

// Converts a number that is unsigned on the wire and signed in our types.
template <class Signed>
Result<Signed> signed_from(std::uint64_t value, const char* name) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<Signed>::max())) {
        return corrupt(std::string(name) + " is out of range");
    }
    return static_cast<Signed>(value);
}

template <class Message>
Result<Message> parse(std::string_view bytes, const char* name) {
    // Protobuf counts bytes in an int.
    Message message;
    if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
        !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return corrupt("the bytes are not a valid " + std::string(name));
    }
    return message;
}

}  // namespace millrace::wire

// Every message that comes from Kafka, and the specs that PostgreSQL keeps.
#include <string>

#include "common/wire/messages.h"
#include "tests/fuzz/fuzz.h"

namespace millrace::fuzz {
namespace {

// Whatever was decoded is encoded to bytes that decode to the same.
template <class Decode, class Encode>
void round(std::string_view input, const Decode& decode, const Encode& encode) {
    const auto first = decode(input);
    if (!first.has_value()) return;
    const auto bytes = encode(*first);
    const auto second = decode(bytes);
    expect(second.has_value() && encode(*second) == bytes);
}

}  // namespace

void read(std::string_view input) {
    const auto encode = [](const auto& value) { return wire::encode(value); };
    round(input, wire::decode_dispatch, encode);
    round(input, wire::decode_events, encode);
    round(input, wire::decode_control, encode);
    round(input, wire::decode_spec, wire::encode_spec);
}

}  // namespace millrace::fuzz

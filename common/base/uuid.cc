#include "common/base/uuid.h"

namespace millrace {
namespace {

constexpr std::string_view kBase32 = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::uint64_t kLowMask = (std::uint64_t{1} << 62) - 1;

int digit(std::string_view alphabet, char c) {
    const auto at = alphabet.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

bool is_dash_position(std::size_t at) {
    return at == 8 || at == 13 || at == 18 || at == 23;
}

}  // namespace

std::string Uuid::str() const {
    std::string text;
    text.reserve(36);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (is_dash_position(text.size())) text += '-';
        text += kHex[bytes[i] >> 4];
        text += kHex[bytes[i] & 15];
    }
    return text;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
    if (text.size() != 36) return std::nullopt;
    Uuid uuid;
    std::size_t nibble = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (is_dash_position(at)) {
            if (text[at] != '-') return std::nullopt;
            continue;
        }
        const int value = digit(kHex, text[at]);
        if (value < 0) return std::nullopt;
        auto& byte = uuid.bytes[nibble / 2];
        byte = static_cast<std::uint8_t>((byte << 4) | value);
        ++nibble;
    }
    return uuid;
}

// 26 digits carry 130 bits, so the first digit holds only the top 3 bits of the 128.
std::string uuid_to_base32(const Uuid& uuid) {
    std::string text(26, '0');
    for (int i = 0; i < 26; ++i) {
        const int top = i * 5 - 2;  // The index of this digit's highest bit, counted from the left.
        int value = 0;
        for (int bit = top; bit < top + 5; ++bit) {
            const int set =
                bit < 0 ? 0 : (uuid.bytes[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8)) & 1;
            value = value << 1 | set;
        }
        text[static_cast<std::size_t>(i)] = kBase32[static_cast<std::size_t>(value)];
    }
    return text;
}

std::optional<Uuid> uuid_from_base32(std::string_view text) {
    if (text.size() != 26) return std::nullopt;
    if (digit(kBase32, text[0]) > 7) return std::nullopt;
    Uuid uuid;
    for (int i = 0; i < 26; ++i) {
        const int value = digit(kBase32, text[static_cast<std::size_t>(i)]);
        if (value < 0) return std::nullopt;
        for (int b = 0; b < 5; ++b) {
            const int bit = i * 5 - 2 + b;
            if (bit < 0 || ((value >> (4 - b)) & 1) == 0) continue;
            uuid.bytes[static_cast<std::size_t>(bit / 8)] |=
                static_cast<std::uint8_t>(1 << (7 - bit % 8));
        }
    }
    return uuid;
}

std::chrono::milliseconds uuid_unix_time(const Uuid& uuid) {
    std::int64_t ms = 0;
    for (std::size_t i = 0; i < 6; ++i) ms = ms << 8 | uuid.bytes[i];
    return std::chrono::milliseconds(ms);
}

Uuid uuid_lower_bound(std::chrono::milliseconds since_unix_epoch) {
    Uuid uuid;
    for (std::size_t i = 0; i < 6; ++i) {
        uuid.bytes[i] = static_cast<std::uint8_t>(since_unix_epoch.count() >> (40 - 8 * i));
    }
    return uuid;
}

Uuid UuidGenerator::next(std::chrono::milliseconds since_unix_epoch) {
    if (since_unix_epoch.count() > last_ms_) {
        last_ms_ = since_unix_epoch.count();
        // The top bit of the counter starts at zero: at least 2^73 ids fit before the time must
        // move.
        high_ = static_cast<std::uint16_t>(random_.next() & 0x7ff);
        low_ = random_.next() & kLowMask;
    } else if (++low_ > kLowMask) {
        low_ = 0;
        if (++high_ > 0xfff) {
            high_ = 0;
            ++last_ms_;
        }
    }
    Uuid uuid = uuid_lower_bound(std::chrono::milliseconds(last_ms_));
    uuid.bytes[6] = static_cast<std::uint8_t>(0x70 | high_ >> 8);
    uuid.bytes[7] = static_cast<std::uint8_t>(high_);
    uuid.bytes[8] = static_cast<std::uint8_t>(0x80 | low_ >> 56);
    for (std::size_t i = 9; i < 16; ++i) {
        uuid.bytes[i] = static_cast<std::uint8_t>(low_ >> (8 * (15 - i)));
    }
    return uuid;
}

}  // namespace millrace

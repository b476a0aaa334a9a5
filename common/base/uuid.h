// 128-bit identifiers in time order (UUIDv7, RFC 9562), and their printed form, TypeID.
//
// A TypeID is a prefix, an underscore and 26 characters of Crockford base32 (TypeID specification,
// version 0.3): `job_01h455vb4pex5vsknk084sn02q`. Ids sort by creation time, both as bytes and as
// text. Each kind of id has its own type, so that swapping two arguments does not compile.
//
// Threads: values; UuidGenerator takes one caller at a time.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/random.h"

namespace millrace {

struct Uuid {
    std::array<std::uint8_t, 16> bytes{};  // Network order, as PostgreSQL stores it.

    auto operator<=>(const Uuid&) const = default;
    bool is_nil() const { return *this == Uuid{}; }
    std::string str() const;                                  // 8-4-4-4-12 lower-case hexadecimal.
    static std::optional<Uuid> parse(std::string_view text);  // The form that str() prints.
};

std::string uuid_to_base32(const Uuid& uuid);                       // 26 characters.
std::optional<Uuid> uuid_from_base32(std::string_view text);        // Exactly 26, lower case.
std::chrono::milliseconds uuid_unix_time(const Uuid& uuid);         // The time in a UUIDv7.
Uuid uuid_lower_bound(std::chrono::milliseconds since_unix_epoch);  // Smallest UUID of that time.

// Makes UUIDv7s that rise strictly within one generator, even if the clock stands still or steps
// back: the 74 free bits start at a random value each millisecond and count up within it.
class UuidGenerator {
 public:
    explicit UuidGenerator(Random& random) : random_(random) {}

    Uuid next(std::chrono::milliseconds since_unix_epoch);

 private:
    Random& random_;
    std::int64_t last_ms_ = -1;
    std::uint16_t high_ = 0;  // 12 bits
    std::uint64_t low_ = 0;   // 62 bits
};

template <class Tag>
class TypedId {
 public:
    TypedId() = default;
    explicit TypedId(const Uuid& uuid) : uuid_(uuid) {}

    static constexpr std::string_view prefix() { return Tag::kPrefix; }
    const Uuid& uuid() const { return uuid_; }
    bool is_nil() const { return uuid_.is_nil(); }
    auto operator<=>(const TypedId&) const = default;

    std::string str() const { return std::string(Tag::kPrefix) + '_' + uuid_to_base32(uuid_); }
    // Returns nothing if the prefix, the length or a character is wrong.
    static std::optional<TypedId> parse(std::string_view text) {
        constexpr auto kPrefixSize = Tag::kPrefix.size();
        if (text.size() != kPrefixSize + 1 + 26) return std::nullopt;
        if (!text.starts_with(Tag::kPrefix) || text[kPrefixSize] != '_') return std::nullopt;
        const auto uuid = uuid_from_base32(text.substr(kPrefixSize + 1));
        if (!uuid) return std::nullopt;
        return TypedId(*uuid);
    }

 private:
    Uuid uuid_;
};

struct JobTag {
    static constexpr std::string_view kPrefix = "job";
};
struct WorkerTag {
    static constexpr std::string_view kPrefix = "wrk";
};
using JobId = TypedId<JobTag>;
using WorkerId = TypedId<WorkerTag>;  // One incarnation of a worker: a restart gets a new id.

struct UuidHash {
    std::size_t operator()(const Uuid& uuid) const {
        return std::hash<std::string_view>{}(
            {reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size()});
    }
};

}  // namespace millrace

template <class Tag>
struct std::hash<millrace::TypedId<Tag>> {
    std::size_t operator()(const millrace::TypedId<Tag>& id) const {
        return millrace::UuidHash{}(id.uuid());
    }
};

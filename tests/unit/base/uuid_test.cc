// The vectors are those of the TypeID specification, version 0.3 (valid.yml and invalid.yml).
#include "common/base/uuid.h"

#include <gtest/gtest.h>

#include <set>

namespace millrace {
namespace {

using namespace std::chrono_literals;

struct Vector {
    std::string_view base32;
    std::string_view uuid;
};

constexpr Vector kValid[] = {
    {"00000000000000000000000000", "00000000-0000-0000-0000-000000000000"},
    {"00000000000000000000000001", "00000000-0000-0000-0000-000000000001"},
    {"0000000000000000000000000a", "00000000-0000-0000-0000-00000000000a"},
    {"0000000000000000000000000g", "00000000-0000-0000-0000-000000000010"},
    {"00000000000000000000000010", "00000000-0000-0000-0000-000000000020"},
    {"7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"},
    {"0123456789abcdefghjkmnpqrs", "0110c853-1d09-52d8-d73e-1194e95b5f19"},
    {"01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057"},
};

constexpr std::string_view kInvalid[] = {
    "8zzzzzzzzzzzzzzzzzzzzzzzzz",   // More than 128 bits.
    "1234567890123456789012345",    // Too short.
    "123456789012345678901234567",  // Too long.
    "1234567890123456789012345 ",   // A blank.
    "0123456789ABCDEFGHJKMNPQRS",   // Upper case.
    "123456789-123456789-123456",   // Hyphens.
    "ooooooiiiiiiuuuuuuulllllll",   // Letters that Crockford's alphabet leaves out.
    "i23456789ol23456789oi23456",   // Ambiguous letters are not mapped.
};

// Counts up by a fixed step, so every run has the same ids.
class StepRandom final : public Random {
 public:
    explicit StepRandom(std::uint64_t start) : value_(start) {}
    std::uint64_t next() override { return value_ += 0x9e3779b97f4a7c15; }

 private:
    std::uint64_t value_;
};

class MaxRandom final : public Random {
 public:
    std::uint64_t next() override { return ~std::uint64_t{0}; }
};

TEST(Base32, EncodesTheVectorsOfTheSpecification) {
    for (const auto& vector : kValid) {
        const auto uuid = Uuid::parse(vector.uuid);
        ASSERT_TRUE(uuid) << vector.uuid;
        EXPECT_EQ(uuid_to_base32(*uuid), vector.base32);
        EXPECT_EQ(uuid_from_base32(vector.base32), uuid);
    }
}

TEST(Base32, RefusesTheInvalidVectorsOfTheSpecification) {
    for (const auto text : kInvalid) EXPECT_FALSE(uuid_from_base32(text)) << text;
}

TEST(Uuid, ParsesOnlyWhatItPrints) {
    const auto uuid = Uuid::parse("01890a5d-ac96-774b-bcce-b302099a8057");
    ASSERT_TRUE(uuid);
    EXPECT_EQ(uuid->str(), "01890a5d-ac96-774b-bcce-b302099a8057");
    EXPECT_FALSE(Uuid::parse("01890A5D-AC96-774B-BCCE-B302099A8057"));
    EXPECT_FALSE(Uuid::parse("01890a5dac96774bbcceb302099a8057"));
    EXPECT_FALSE(Uuid::parse("01890a5d-ac96-774b-bcce_b302099a8057"));
    EXPECT_FALSE(Uuid::parse(""));
}

TEST(TypedId, RoundTripsAndRefusesOtherPrefixes) {
    const auto id = JobId::parse("job_01h455vb4pex5vsknk084sn02q");
    ASSERT_TRUE(id);
    EXPECT_EQ(id->str(), "job_01h455vb4pex5vsknk084sn02q");
    EXPECT_FALSE(JobId::parse("wrk_01h455vb4pex5vsknk084sn02q"));
    EXPECT_FALSE(JobId::parse("job-01h455vb4pex5vsknk084sn02q"));
    EXPECT_FALSE(JobId::parse("01h455vb4pex5vsknk084sn02q"));
    EXPECT_FALSE(JobId::parse("job_01h455vb4pex5vsknk084sn02q "));
    EXPECT_TRUE(JobId().is_nil());
}

TEST(UuidGenerator, MakesVersion7OfTheRfcVariantWithItsTime) {
    StepRandom random(1);
    UuidGenerator generator(random);
    const auto uuid = generator.next(1'700'000'000'123ms);
    EXPECT_EQ(uuid.bytes[6] >> 4, 7);
    EXPECT_EQ(uuid.bytes[8] >> 6, 2);
    EXPECT_EQ(uuid_unix_time(uuid), 1'700'000'000'123ms);
    EXPECT_GE(uuid, uuid_lower_bound(1'700'000'000'123ms));
    EXPECT_LT(uuid, uuid_lower_bound(1'700'000'000'124ms));
}

TEST(UuidGenerator, RisesWhateverTheClockDoes) {
    StepRandom random(2);
    UuidGenerator generator(random);
    Uuid last;
    std::string last_text;
    for (const auto time : {1000ms, 1000ms, 999ms, 500ms, 1001ms, 1000ms, 1001ms}) {
        for (int i = 0; i < 1000; ++i) {
            const auto uuid = generator.next(time);
            EXPECT_LT(last, uuid);
            EXPECT_LT(last_text, uuid_to_base32(uuid));
            last = uuid;
            last_text = uuid_to_base32(uuid);
        }
    }
}

TEST(UuidGenerator, CarriesIntoTheHighBits) {
    MaxRandom random;
    UuidGenerator generator(random);
    const auto first = generator.next(1000ms);
    const auto second = generator.next(1000ms);
    EXPECT_LT(first, second);
    EXPECT_EQ(second.bytes[6] >> 4, 7);
    EXPECT_EQ(second.bytes[8], 0x80);
    EXPECT_EQ(uuid_unix_time(second), 1000ms);
}

TEST(UuidHash, DiffersBetweenIds) {
    std::set<std::size_t> hashes;
    UuidGenerator generator(system_random());
    for (int i = 0; i < 1000; ++i) hashes.insert(std::hash<JobId>()(JobId(generator.next(1000ms))));
    EXPECT_EQ(hashes.size(), 1000U);
}

}  // namespace
}  // namespace millrace

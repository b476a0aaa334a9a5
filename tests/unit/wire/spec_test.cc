#include <gtest/gtest.h>

#include <limits>

#include "common/base/check.h"
#include "common/wire/messages.h"
#include "millrace/v1/job.pb.h"
#include "tests/unit/wire/samples.h"

namespace millrace::wire {
namespace {

v1::JobSpec proto_spec() {
    v1::JobSpec message;
    CHECK(message.ParseFromString(encode_spec(sample_spec())));
    return message;
}

TEST(SpecEncoding, ComesBackAsItWas) {
    auto spec = sample_spec();
    for (const auto priority : kPriorities) {
        spec.priority = priority;
        const auto decoded = decode_spec(encode_spec(spec));
        ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
        EXPECT_EQ(*decoded, spec);
    }
}

TEST(SpecEncoding, KeepsLimitsThatAreSetAndThoseThatAreNot) {
    auto spec = sample_spec();
    spec.policy.start_within = std::nullopt;
    spec.policy.ttl = milliseconds(std::numeric_limits<milliseconds::rep>::max());
    const auto decoded = decode_spec(encode_spec(spec));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_EQ(decoded->policy, spec.policy);
}

TEST(SpecEncoding, AcceptsFieldsOfNewerWriters) {
    const auto decoded = decode_spec(with_unknown_field(encode_spec(sample_spec())));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_EQ(*decoded, sample_spec());
}

TEST(SpecEncoding, RefusesInvalidBytes) {
    const auto whole = encode_spec(sample_spec());
    expect_corrupt(decode_spec(whole.substr(0, whole.size() - 1)), "cut short");
    expect_corrupt(decode_spec("\xff\xff\xff"), "noise");
    expect_corrupt(decode_spec(""), "nothing");
}

TEST(SpecEncoding, RefusesValuesThatHaveNoMeaning) {
    auto message = proto_spec();
    message.set_priority(static_cast<v1::Priority>(9));
    expect_corrupt(decode_spec(serialize(message)), "a priority that does not exist");

    message = proto_spec();
    message.clear_priority();
    expect_corrupt(decode_spec(serialize(message)), "no priority");

    message = proto_spec();
    message.mutable_policy()->set_ttl_ms(std::numeric_limits<std::uint64_t>::max());
    expect_corrupt(decode_spec(serialize(message)), "a duration out of range");

    message = proto_spec();
    message.mutable_policy()->set_attempts_max(std::numeric_limits<std::uint32_t>::max());
    expect_corrupt(decode_spec(serialize(message)), "a count out of range");
}

}  // namespace
}  // namespace millrace::wire

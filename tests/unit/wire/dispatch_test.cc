#include <gtest/gtest.h>

#include "common/wire/messages.h"
#include "millrace/v1/dispatch.pb.h"
#include "tests/unit/wire/samples.h"

namespace millrace::wire {
namespace {

TEST(DispatchEncoding, ComesBackAsItWas) {
    const Dispatch dispatch{sample_job(), sample_spec()};
    const auto decoded = decode_dispatch(encode(dispatch));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_EQ(decoded->job, dispatch.job);
    EXPECT_EQ(decoded->spec, dispatch.spec);
}

TEST(DispatchEncoding, ComesBackWithoutASpec) {
    const auto decoded = decode_dispatch(encode(Dispatch{sample_job(), std::nullopt}));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_EQ(decoded->job, sample_job());
    EXPECT_FALSE(decoded->spec.has_value());
}

TEST(DispatchEncoding, IsTheSameFromAnEncodedSpec) {
    EXPECT_EQ(encode_dispatch(sample_job(), encode_spec(sample_spec())),
              encode(Dispatch{sample_job(), sample_spec()}));
    auto large = sample_spec();
    large.input_json.assign(100'000, 'x');
    EXPECT_EQ(encode_dispatch(sample_job(), encode_spec(large)),
              encode(Dispatch{sample_job(), large}));
}

TEST(DispatchEncoding, AcceptsFieldsOfNewerWriters) {
    const auto decoded =
        decode_dispatch(with_unknown_field(encode(Dispatch{sample_job(), sample_spec()})));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_EQ(decoded->spec, sample_spec());
}

TEST(DispatchEncoding, RefusesIdsOfAnotherLength) {
    v1::Dispatch message;
    for (const auto* id : {"", "fifteen bytes..", "seventeen bytes.."}) {
        message.set_job_id(id);
        expect_corrupt(decode_dispatch(serialize(message)), id);
    }
}

TEST(DispatchEncoding, RefusesInvalidBytes) {
    const auto whole = encode(Dispatch{sample_job(), sample_spec()});
    expect_corrupt(decode_dispatch(whole.substr(0, whole.size() - 1)), "cut short");
    expect_corrupt(decode_dispatch(encode_dispatch(sample_job(), "\xff")), "a spec that is noise");
    expect_corrupt(decode_dispatch(encode_dispatch(sample_job(), "")), "a spec that is empty");
    expect_corrupt(decode_dispatch("\xff\xff"), "noise");
    expect_corrupt(decode_dispatch(""), "nothing");
}

}  // namespace
}  // namespace millrace::wire

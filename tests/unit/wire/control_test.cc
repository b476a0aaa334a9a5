#include <gtest/gtest.h>

#include "common/base/check.h"
#include "common/wire/messages.h"
#include "millrace/v1/control.pb.h"
#include "tests/unit/wire/samples.h"

namespace millrace::wire {
namespace {

const CancelAttempt kOrder{{sample_job(), 12}, WorkerId(sample_uuid(9))};

TEST(ControlEncoding, ComesBackAsItWas) {
    const auto decoded = decode_control(encode(kOrder));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    const auto& order = std::get<CancelAttempt>(*decoded);
    EXPECT_EQ(order.key, kOrder.key);
    EXPECT_EQ(order.worker, kOrder.worker);
}

TEST(ControlEncoding, HintsComeBackAsTheyWere) {
    const LaneHints hints{.measured_at = milliseconds(1'760'000'000'123),
                          .interval = milliseconds(1000),
                          .is_complete = true,
                          .lanes = {{"default", Priority::kHigh, "", milliseconds(0)},
                                    {"images", Priority::kLow, "m", milliseconds(86'400'000)}}};
    const auto decoded = decode_control(encode(hints));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    const auto& read = std::get<LaneHints>(*decoded);
    EXPECT_EQ(read.measured_at, hints.measured_at);
    EXPECT_EQ(read.interval, hints.interval);
    ASSERT_EQ(read.lanes.size(), 2U);
    EXPECT_TRUE(read.is_complete);
    EXPECT_EQ(read.lanes[0].model, "");
    EXPECT_EQ(read.lanes[1].queue, "images");
    EXPECT_EQ(read.lanes[1].model, "m");
    EXPECT_EQ(read.lanes[1].priority, Priority::kLow);
    EXPECT_EQ(read.lanes[1].oldest, milliseconds(86'400'000));
}

TEST(ControlEncoding, RefusesHintsAboutAPriorityThatItDoesNotKnow) {
    v1::Control message;
    message.mutable_lane_hints()->add_lanes()->set_queue("a");
    expect_corrupt(decode_control(serialize(message)), "a lane without a priority");
}

TEST(ControlEncoding, AcceptsFieldsOfNewerWriters) {
    const auto decoded = decode_control(with_unknown_field(encode(kOrder)));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_EQ(std::get<CancelAttempt>(*decoded).key, kOrder.key);
}

TEST(ControlEncoding, RefusesOrdersThatItDoesNotKnow) {
    expect_corrupt(decode_control(""), "no order");
    expect_corrupt(decode_control(with_unknown_field("")), "an order of a newer writer");
}

TEST(ControlEncoding, RefusesIdsOfAnotherLengthAndNoise) {
    v1::Control message;
    CHECK(message.ParseFromString(encode(kOrder)));
    message.mutable_cancel_attempt()->set_worker_id("short");
    expect_corrupt(decode_control(serialize(message)), "a worker id of five bytes");
    message.mutable_cancel_attempt()->set_job_id(std::string(17, 'x'));
    expect_corrupt(decode_control(serialize(message)), "a job id of 17 bytes");
    expect_corrupt(decode_control("\xff\xff"), "noise");
}

}  // namespace
}  // namespace millrace::wire

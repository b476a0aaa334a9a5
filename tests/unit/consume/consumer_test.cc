#include "worker/consume/consumer.h"

#include <gtest/gtest.h>

#include "tests/unit/worker/harness.h"
#include "worker/consume/control_listener.h"

namespace millrace::consume {
namespace {

using test::Harness;

class ConsumerTest : public testing::Test {
 protected:
    void step() { harness_.consumer.step(milliseconds(0)); }

    Harness harness_{{.lane_buffer_max = 8}};
    const std::string topic_ = harness_.topics.jobs("default", Priority::kNormal);
};

TEST_F(ConsumerTest, PutsMessagesIntoTheirLane) {
    harness_.submit();
    harness_.submit(Harness::spec(Priority::kHigh));
    step();
    EXPECT_EQ(harness_.lanes.waiting(0), 1U);
    EXPECT_EQ(harness_.lanes.waiting(1), 1U);
    EXPECT_EQ(harness_.subscriber.done_up_to(topic_), -1);
}

TEST_F(ConsumerTest, SkipsMessagesThatItCannotDecode) {
    harness_.subscriber.add(topic_, "\xff\xff no dispatch");
    harness_.submit();
    step();
    EXPECT_EQ(harness_.lanes.waiting(1), 1U);
    EXPECT_EQ(harness_.subscriber.done_up_to(topic_), 0);
}

TEST_F(ConsumerTest, SkipsModelsThatNoBackendServes) {
    auto spec = Harness::spec();
    spec.model = "somebody-else's";
    harness_.submit(spec);
    step();
    EXPECT_EQ(harness_.lanes.waiting(1), 0U);
    EXPECT_EQ(harness_.subscriber.done_up_to(topic_), 0);
}

TEST_F(ConsumerTest, PausesAFullLaneAndResumesItHalfEmpty) {
    for (int i = 0; i < 20; ++i) harness_.submit();
    harness_.submit(Harness::spec(Priority::kLow));
    for (int i = 0; i < 20; ++i) step();
    EXPECT_TRUE(harness_.subscriber.is_paused(topic_));
    EXPECT_LE(harness_.lanes.waiting(1), 10U);
    EXPECT_EQ(harness_.lanes.waiting(2), 1U);
    schedule::Shares shares({{.weight = 1}, {.weight = 1}, {.weight = 1}}, 3, {});
    const schedule::Room room{.jobs = 5, .batches = 5, .held = {0, 0, 0}};
    auto picked = harness_.lanes.pick(0, room, 5, shares);
    step();
    EXPECT_TRUE(harness_.subscriber.is_paused(topic_));
    picked = harness_.lanes.pick(0, room, 5, shares);
    step();
    EXPECT_FALSE(harness_.subscriber.is_paused(topic_));
}

TEST(ControlListener, PassesOnOrdersAndHintsAndSkipsOtherMessages) {
    test::FakeSubscriber subscriber;
    std::vector<AttemptKey> cancelled;
    LaneHints hints({{"a", Priority::kLow}}, milliseconds(1000));
    ControlListener listener(subscriber, hints, [&](const wire::CancelAttempt& order) {
        cancelled.push_back(order.key);
    });
    const AttemptKey key{JobId(Uuid{{1}}), 3};
    subscriber.add("control", "\xff");
    subscriber.add("control",
                   wire::encode(wire::CancelAttempt{.key = key, .worker = WorkerId(Uuid{{2}})}));
    subscriber.add("control", wire::encode(wire::LaneHints{
                                  .measured_at = milliseconds(5000),
                                  .interval = milliseconds(1000),
                                  .lanes = {{"a", Priority::kLow, "m", milliseconds(7)}}}));
    listener.step(milliseconds(0));
    EXPECT_EQ(cancelled, std::vector{key});
    EXPECT_EQ(hints.oldest(0, std::vector<std::string>{"m"}, milliseconds(5000)), milliseconds(7));
}

}  // namespace
}  // namespace millrace::consume

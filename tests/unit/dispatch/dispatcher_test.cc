#include "producer/dispatch/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/runtime/thread.h"
#include "producer/dispatch/topic_creator.h"
#include "tests/support/eventually.h"
#include "tests/support/manual_clock.h"
#include "tests/unit/gateway/fakes.h"

namespace millrace::dispatch {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

constexpr auto kTopic = "t.jobs.default.normal";

class DispatcherTest : public testing::Test {
 protected:
    QueuedJob job() {
        return {JobId(ids_.next(milliseconds(1))), "default", Priority::kNormal, {}};
    }
    std::vector<QueuedJob> jobs(std::size_t count) {
        std::vector<QueuedJob> jobs;
        for (std::size_t i = 0; i < count; ++i) jobs.push_back(job());
        return jobs;
    }
    Dispatcher make(DispatcherOptions options) {
        return Dispatcher(options, clock_, broker::Topics("t"), publisher_);
    }

    test::ManualClock clock_;
    test::RecordingPublisher publisher_;
    UuidGenerator ids_{system_random()};
};

TEST_F(DispatcherTest, PublishesALoneJobAtOnce) {
    auto dispatcher = make({});
    const auto one = job();
    dispatcher.offer({one});
    EXPECT_TRUE(dispatcher.step());
    EXPECT_THAT(publisher_.jobs_on(kTopic), ElementsAre(one.id));
    EXPECT_FALSE(dispatcher.step());
}

TEST_F(DispatcherTest, GathersJobsWhileTheLastPublishIsYoung) {
    auto dispatcher = make({.pace = milliseconds(2)});
    dispatcher.offer(jobs(1));
    dispatcher.step();
    dispatcher.offer(jobs(1));
    clock_.advance(milliseconds(1));
    dispatcher.offer(jobs(2));
    EXPECT_FALSE(dispatcher.step());
    clock_.advance(milliseconds(1));
    EXPECT_TRUE(dispatcher.step());
    EXPECT_EQ(publisher_.publishes, 2);
    EXPECT_THAT(publisher_.messages, SizeIs(4));
}

TEST_F(DispatcherTest, DropsJobsThatDoNotFitAndContinues) {
    auto dispatcher = make({.queue_max = 3});
    const auto first = jobs(2);
    const auto second = jobs(2);
    dispatcher.offer(first);
    dispatcher.offer(second);
    dispatcher.step();
    EXPECT_THAT(publisher_.jobs_on(kTopic), ElementsAre(first[0].id, first[1].id, second[0].id));
    clock_.advance(milliseconds(2));
    dispatcher.offer(jobs(1));
    dispatcher.step();
    EXPECT_THAT(publisher_.messages, SizeIs(4));
}

TEST_F(DispatcherTest, DropsJobsThatTheBrokersClientDoesNotTake) {
    auto dispatcher = make({});
    publisher_.room = 1;
    dispatcher.offer(jobs(3));
    EXPECT_TRUE(dispatcher.step());
    publisher_.room = 10;
    clock_.advance(milliseconds(2));
    EXPECT_FALSE(dispatcher.step());
    EXPECT_THAT(publisher_.messages, SizeIs(1));
}

TEST_F(DispatcherTest, CarriesSmallSpecsOnly) {
    auto dispatcher = make({.inline_bytes_max = 200});
    auto spec = test::a_spec();
    auto small = job();
    small.encoded_spec = wire::encode_spec(spec);
    spec.input_json = R"({"prompt":")" + std::string(200, 'x') + R"("})";
    auto large = job();
    large.encoded_spec = wire::encode_spec(spec);
    dispatcher.offer({small, large, job()});
    dispatcher.step();
    const auto values = publisher_.values_of(kTopic);
    ASSERT_THAT(values, SizeIs(3));
    EXPECT_EQ(wire::decode_dispatch(values[0])->spec, test::a_spec());
    EXPECT_FALSE(wire::decode_dispatch(values[1])->spec);
    EXPECT_FALSE(wire::decode_dispatch(values[2])->spec);
}

TEST_F(DispatcherTest, EachLaneIsATopic) {
    auto dispatcher = make({});
    auto high = job();
    high.priority = Priority::kHigh;
    auto other = job();
    other.queue = "sdxl";
    dispatcher.offer({high, other});
    dispatcher.step();
    EXPECT_THAT(publisher_.jobs_on("t.jobs.default.high"), ElementsAre(high.id));
    EXPECT_THAT(publisher_.jobs_on("t.jobs.sdxl.normal"), ElementsAre(other.id));
}

TEST_F(DispatcherTest, PublishesTheRestWhenItsThreadIsStopped) {
    Dispatcher dispatcher({.pace = milliseconds(3600000)}, system_clock(), broker::Topics("t"),
                          publisher_);
    runtime::Thread thread("dispatch", [&](const std::stop_token& stop) { dispatcher.run(stop); });
    dispatcher.offer(jobs(1));
    dispatcher.offer(jobs(1));
    thread.request_stop();
    thread.join();
    EXPECT_THAT(publisher_.messages, SizeIs(2));
}

TEST(Topics, OfAllLanesAndOfEventsAndControl) {
    const auto specs = topics_of(broker::Topics("t"), {"a"}, 4);
    std::vector<std::string> names;
    for (const auto& spec : specs) names.push_back(spec.name);
    EXPECT_THAT(names, testing::UnorderedElementsAre("t.events", "t.control", "t.jobs.a.high",
                                                     "t.jobs.a.normal", "t.jobs.a.low"));
}

}  // namespace
}  // namespace millrace::dispatch

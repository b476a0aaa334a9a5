// The gateway as a whole, with its threads, on a store and a broker in memory.
#include "producer/app/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "tests/support/eventually.h"
#include "tests/support/faulty_job_store.h"
#include "tests/support/memory_broker.h"
#include "tests/support/memory_job_store.h"
#include "tests/unit/gateway/fakes.h"

namespace millrace::gateway {
namespace {

using test::eventually;
using testing::SizeIs;

class GatewayTest : public testing::Test {
 protected:
    static GatewayOptions options() {
        GatewayOptions options;
        options.queues = {"default"};
        options.topic_prefix = "t";
        options.probe_interval = milliseconds(10);
        options.topics_interval = milliseconds(10);
        options.keeper.interval = milliseconds(10);
        return options;
    }
    Dependencies parts() {
        return {system_clock(), system_random(), broker_,
                [this] { return std::make_unique<test::MemoryJobStore>(database_); },
                [this] { return schema_; }};
    }

    JobId submit() {
        std::promise<service::SubmitResult> answer;
        gateway_.services().submissions.submit(
            {test::a_spec(), {}, {}},
            [&](service::SubmitResult result) { answer.set_value(std::move(result)); });
        return answer.get_future().get()->id;
    }
    storage::JobRecord get(JobId id) {
        std::promise<Result<storage::JobRecord>> answer;
        gateway_.services().reads.get(
            id, {}, [&](Result<storage::JobRecord> r) { answer.set_value(std::move(r)); });
        return *answer.get_future().get();
    }
    storage::JobRecord cancel(JobId id) {
        std::promise<Result<storage::JobRecord>> answer;
        gateway_.services().commands.cancel(
            id, [&](Result<storage::JobRecord> r) { answer.set_value(std::move(r)); });
        return *answer.get_future().get();
    }

    test::MemoryDatabase database_{system_clock()};
    test::MemoryBroker broker_;
    Status schema_ = ok();
    Gateway gateway_{options(), parts()};
};

TEST_F(GatewayTest, ASubmittedJobIsReadableAndPublished) {
    ASSERT_TRUE(gateway_.start().has_value());
    ASSERT_TRUE(eventually([&] { return broker_.has_topic("t.jobs.default.normal"); }));
    const auto job = submit();
    EXPECT_EQ(get(job).state, JobState::kQueued);
    EXPECT_TRUE(eventually([&] { return broker_.values("t.jobs.default.normal").size() == 1; }));
}

TEST_F(GatewayTest, AWaiterLearnsTheEndByEvent) {
    ASSERT_TRUE(gateway_.start().has_value());
    ASSERT_TRUE(eventually([&] { return broker_.has_topic("t.events"); }));
    const auto job = submit();
    std::promise<JobState> end;
    const auto subscription = gateway_.services().events.watch(
        job, [&](const service::JobNotice& notice) { end.set_value(notice.state); });
    const wire::Event event{{job, 1}, 0, wire::Finished{JobState::kCompleted}};
    broker_.make_publisher()->publish({{"t.events", "", wire::encode(std::vector{event})}});
    EXPECT_EQ(end.get_future().get(), JobState::kCompleted);
}

TEST_F(GatewayTest, AWaiterLearnsTheEndWithoutTheBroker) {
    broker_.set_away(true);
    ASSERT_TRUE(gateway_.start().has_value());
    const auto job = submit();
    std::promise<JobState> end;
    const auto subscription = gateway_.services().events.watch(
        job, [&](const service::JobNotice& notice) { end.set_value(notice.state); });
    test::MemoryJobStore elsewhere(database_);
    ASSERT_TRUE(elsewhere.job_cancel({job}).has_value());
    EXPECT_EQ(end.get_future().get(), JobState::kCancelled);
}

TEST_F(GatewayTest, CancelAnswersWithTheRecord) {
    ASSERT_TRUE(gateway_.start().has_value());
    EXPECT_EQ(cancel(submit()).state, JobState::kCancelled);
}

TEST_F(GatewayTest, TopicsThatVanishAreCreatedAgain) {
    ASSERT_TRUE(gateway_.start().has_value());
    ASSERT_TRUE(eventually([&] { return broker_.has_topic("t.control"); }));
    broker_.wipe();
    EXPECT_TRUE(eventually([&] { return broker_.has_topic("t.control"); }));
}

TEST_F(GatewayTest, StartsWithoutRotatingPartitions) {
    test::MemoryJobStore memory(database_);
    std::vector<test::FaultyJobStore*> opened;
    auto given = parts();
    given.open_store = [&] {
        auto store = std::make_unique<test::FaultyJobStore>(memory);
        opened.push_back(store.get());
        return store;
    };
    Parts parts(options(), given);
    ASSERT_TRUE(parts.prepare().has_value());
    for (const auto* store : opened) EXPECT_EQ(store->calls("partition_rotate"), 0);
}

TEST_F(GatewayTest, DoesNotStartOnAnotherSchema) {
    schema_ = Error{ErrorCode::kConflict, "run millrace migrate"};
    EXPECT_EQ(gateway_.start().error(), schema_.error());
    schema_ = ok();
    EXPECT_TRUE(gateway_.start().has_value());
}

TEST_F(GatewayTest, StoppingAnswersAcceptedCallsAndRefusesTheRest) {
    ASSERT_TRUE(gateway_.start().has_value());
    std::vector<service::SubmitResult> answers;
    const auto keep = [&](std::vector<service::SubmitResult> results) {
        for (auto& result : results) answers.push_back(std::move(result));
    };
    gateway_.services().submissions.submit_many(
        std::vector<service::SubmitRequest>(700, {test::a_spec(), {}, {}}), keep);
    gateway_.stop();
    ASSERT_THAT(answers, SizeIs(700));
    EXPECT_TRUE(answers.back().has_value());
    EXPECT_EQ(database_.job_count(), 700U);
    gateway_.services().submissions.submit_many(
        std::vector<service::SubmitRequest>(1, {test::a_spec(), {}, {}}), keep);
    EXPECT_EQ(answers.back().error().error.code, ErrorCode::kUnavailable);
}

// No client's request may delay another's: while the store holds up a count of everything, calls
// about one job go on.
TEST_F(GatewayTest, CallsAboutOneJobWaitForNoScan) {
    std::promise<void> held;
    std::promise<void> release;
    const auto released = release.get_future().share();
    test::MemoryJobStore memory(database_);
    auto given = parts();
    given.open_store = [&] {
        auto store = std::make_unique<test::FaultyJobStore>(memory);
        store->on_call([&](const std::string& call) {
            if (call != "job_count") return;
            held.set_value();
            released.wait();
        });
        return store;
    };
    Gateway gateway(options(), given);
    ASSERT_TRUE(gateway.start().has_value());
    std::promise<Result<service::JobCount>> count;
    gateway.services().scans.count({}, 10,
                                   [&](const Result<service::JobCount>& n) { count.set_value(n); });
    held.get_future().wait();

    std::promise<JobId> submitted;
    gateway.services().submissions.submit(
        {test::a_spec(), {}, {}},
        [&](const service::SubmitResult& result) { submitted.set_value(result->id); });
    const auto job = submitted.get_future().get();
    std::promise<JobState> cancelled;
    gateway.services().commands.cancel(
        job, [&](const auto& record) { cancelled.set_value(record->state); });
    EXPECT_EQ(cancelled.get_future().get(), JobState::kCancelled);
    std::promise<std::size_t> retried;
    gateway.services().commands.retry(
        job, [&](const auto& page) { retried.set_value(page->jobs.size()); });
    EXPECT_EQ(retried.get_future().get(), 1U);
    std::promise<JobState> read;
    gateway.services().reads.get(job, {},
                                 [&](const auto& record) { read.set_value(record->state); });
    EXPECT_EQ(read.get_future().get(), JobState::kCancelled);
    std::promise<std::string> ready;
    gateway.services().fleet.readiness(
        [&](const service::Readiness& readiness) { ready.set_value(readiness.detail); });
    EXPECT_EQ(ready.get_future().get(), "no worker is alive");

    release.set_value();
    EXPECT_EQ(count.get_future().get().value().matching, 2);
}

}  // namespace
}  // namespace millrace::gateway

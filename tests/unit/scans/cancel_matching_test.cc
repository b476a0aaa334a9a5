// Cancelling all matching jobs: page by page, to the end or to a limit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "producer/scans/scans.h"
#include "tests/support/faulty_job_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_job_store.h"
#include "tests/support/new_job.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/gateway/fakes.h"

namespace millrace::scans {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class CancelMatchingTest : public testing::Test {
 protected:
    CancelMatchingTest() { (void)memory_.queue_register({"default"}); }

    JobId insert(const std::string& model = "echo") {
        auto spec = test::a_spec();
        spec.model = model;
        const auto job = test::new_job(JobId(ids_.next(milliseconds(1))), spec);
        EXPECT_TRUE(memory_.job_insert({job}).has_value());
        return job.id;
    }
    void claim(JobId job) {
        storage::WorkerInfo worker;
        worker.id = WorkerId(ids_.next(milliseconds(1)));
        worker.queues = {"default"};
        worker.models = {"echo"};
        EXPECT_TRUE(memory_.worker_register(worker).has_value());
        EXPECT_THAT(memory_.job_claim(worker.id, {job}).value(), SizeIs(1));
    }
    JobState state(JobId job) { return database_.job(job).value().state; }
    void ask(storage::JobFilter filter = {.limit = 100}) {
        scans_.cancel_matching(std::move(filter),
                               [this](Result<service::CancelTotals> totals) { answer_ = totals; });
    }
    service::CancelTotals cancel_all(storage::JobFilter filter = {.limit = 100}) {
        answer_.reset();
        ask(std::move(filter));
        while (!answer_) EXPECT_TRUE(scans_.step());
        return answer_->value();
    }

    test::ManualClock clock_;
    test::SeededRandom random_;
    UuidGenerator ids_{random_};
    test::MemoryDatabase database_{clock_};
    test::MemoryJobStore memory_{database_};
    test::FaultyJobStore store_{memory_};
    test::RecordingPublisher publisher_;
    events::EventHub hub_{10};
    events::Announcer announcer_{broker::Topics("t"), publisher_, hub_};
    commands::Retries retries_{{}, [](const auto&, const auto&) {}};
    // Each page has two jobs at most, of at most three that are looked at.
    Scans scans_{
        {.look_max = 3, .batch_max = 2, .queue_max = 3}, clock_, store_, announcer_, retries_};
    std::optional<Result<service::CancelTotals>> answer_;
};

TEST_F(CancelMatchingTest, CancelsPageByPageAndNotifiesEverybody) {
    const auto running = insert();
    claim(running);
    for (int i = 0; i < 4; ++i) insert();
    const auto totals = cancel_all();
    EXPECT_EQ(totals.cancelled, 4);
    EXPECT_EQ(totals.cancelling, 1);
    EXPECT_FALSE(totals.next);
    EXPECT_EQ(store_.calls("job_cancel_matching"), 3);
    EXPECT_THAT(publisher_.values_of("t.control"), SizeIs(1));
    EXPECT_THAT(publisher_.values_of("t.events"), SizeIs(3)) << "of the ends, a message a page";
}

TEST_F(CancelMatchingTest, StopsAtTheLimitAndSaysThatThereMayBeMore) {
    for (int i = 0; i < 5; ++i) insert();
    auto totals = cancel_all({.limit = 3});
    EXPECT_EQ(totals.cancelled, 3);
    EXPECT_TRUE(totals.next);
    answer_.reset();
    totals = cancel_all({.limit = 3});
    EXPECT_EQ(totals.cancelled, 2);
    EXPECT_FALSE(totals.next);
}

TEST_F(CancelMatchingTest, OtherCallsComeInBetween) {
    for (int i = 0; i < 5; ++i) insert();
    ask();
    bool counted = false;
    scans_.count({}, 1, [&](const Result<service::JobCount>&) { counted = true; });
    scans_.step();
    scans_.step();
    EXPECT_TRUE(counted);
    EXPECT_FALSE(answer_);
}

TEST_F(CancelMatchingTest, GoesOnForLongerOnceItHasFoundJobs) {
    for (int i = 0; i < 6; ++i) insert("other");
    for (int i = 0; i < 6; ++i) insert();
    store_.on_call([this](const std::string&) { clock_.advance(std::chrono::seconds(6)); });
    auto totals = cancel_all({.model = "echo", .limit = 100});
    EXPECT_EQ(totals.cancelled, 0);
    ASSERT_TRUE(totals.next);
    totals = cancel_all({.model = "echo", .after = totals.next, .limit = 100});
    EXPECT_EQ(totals.cancelled, 0);
    ASSERT_TRUE(totals.next);
    totals = cancel_all({.model = "echo", .after = totals.next, .limit = 100});
    EXPECT_EQ(totals.cancelled, 4) << "two pages of two";
    EXPECT_TRUE(totals.next);
}

TEST_F(CancelMatchingTest, ReportsTheCancelsMadeBeforeTheStoreFailed) {
    for (int i = 0; i < 5; ++i) insert();
    ask();
    scans_.step();
    store_.fail_before("job_cancel_matching", ErrorCode::kUnavailable);
    scans_.step();
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->value().cancelled, 2);
    EXPECT_TRUE(answer_->value().next);
}

TEST_F(CancelMatchingTest, FailsIfItCancelledNothing) {
    const auto job = insert();
    store_.fail_before("job_cancel_matching", ErrorCode::kUnavailable);
    ask();
    scans_.step();
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(state(job), JobState::kQueued);
}

TEST_F(CancelMatchingTest, AGatewayThatStopsReportsTheCancelsMade) {
    for (int i = 0; i < 5; ++i) insert();
    ask();
    scans_.step();
    scans_.close();
    scans_.run();
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->value().cancelled, 4);
    EXPECT_TRUE(answer_->value().next);
    EXPECT_THAT(publisher_.values_of("t.control"), IsEmpty());
}

}  // namespace
}  // namespace millrace::scans

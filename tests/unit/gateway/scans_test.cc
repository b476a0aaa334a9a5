// Lists and counts: look by look, to the end or to a limit, with others in between.
#include "producer/query/scans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/faulty_job_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_job_store.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/gateway/fakes.h"

namespace millrace::gateway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kMany = 1000;

class ScansTest : public testing::Test {
 protected:
    ScansTest() { (void)memory_.queue_register({"default"}); }

    JobId insert(const std::string& model = "echo") {
        storage::NewJob job;
        job.id = JobId(ids_.next(milliseconds(1)));
        job.spec = test::a_spec();
        job.spec.model = model;
        EXPECT_TRUE(memory_.job_insert({job}).has_value());
        return job.id;
    }
    void list(storage::JobFilter filter) {
        scans_.list(std::move(filter), [this](Result<Scans::Page> page) {
            listed_.clear();
            if (page) {
                for (const auto& job : page->first) listed_.push_back(job.id);
            }
            page_ = std::move(page);
        });
    }
    void count(storage::JobFilter filter, std::int64_t most = kMany) {
        scans_.count(std::move(filter), most,
                     [this](Result<std::int64_t> count) { count_ = std::move(count); });
    }
    void step_to_the_end() {
        while (scans_.step()) {
        }
    }

    test::ManualClock clock_;
    test::SeededRandom random_;
    UuidGenerator ids_{random_};
    test::MemoryDatabase database_{clock_};
    test::MemoryJobStore memory_{database_};
    test::FaultyJobStore store_{memory_};
    test::RecordingPublisher publisher_;
    EventHub hub_{10};
    Announcer announcer_{broker::Topics("t"), publisher_, hub_};
    std::vector<SubmitRequest> submitted_;
    Retries retries_{store_, [this](std::vector<SubmitRequest> requests, const auto& done) {
                         submitted_ = std::move(requests);
                         done({submitted_.size(), SubmitReply{}});
                     }};
    // Looks at three jobs at a time.
    Scans scans_{{.look_max = 3, .queue_max = 10}, clock_, store_, announcer_, retries_};
    std::optional<Result<Scans::Page>> page_;
    std::vector<JobId> listed_;
    std::optional<Result<std::int64_t>> count_;
};

TEST_F(ScansTest, CountsWhatMatchesLookByLook) {
    for (int i = 0; i < 4; ++i) insert();
    for (int i = 0; i < 3; ++i) insert("other");
    insert();
    count({.model = "echo"});
    step_to_the_end();
    EXPECT_EQ(count_->value(), 5);
    EXPECT_EQ(store_.calls("job_count"), 3);
}

TEST_F(ScansTest, CountsNoFurtherThanAsked) {
    for (int i = 0; i < 8; ++i) insert();
    count({}, 4);
    step_to_the_end();
    EXPECT_EQ(count_->value(), 4);
    EXPECT_EQ(store_.calls("job_count"), 2);
}

TEST_F(ScansTest, ListsWhatMatchesBehindManyThatDoNot) {
    const auto first = insert();
    for (int i = 0; i < 7; ++i) insert("other");
    const auto last = insert();
    for (const bool ascending : {true, false}) {
        list({.model = "echo", .ascending = ascending, .limit = 2});
        step_to_the_end();
        EXPECT_THAT(listed_, ascending ? ElementsAre(first, last) : ElementsAre(last, first));
        EXPECT_FALSE(page_->value().second);
    }
}

TEST_F(ScansTest, AFullPageKnowsWhetherThereIsMore) {
    insert();
    for (int i = 0; i < 7; ++i) insert("other");
    insert();
    for (const int limit : {1, 2}) {
        list({.model = "echo", .limit = limit});
        step_to_the_end();
        EXPECT_THAT(listed_, SizeIs(limit));
        EXPECT_EQ(page_->value().second, limit == 1);
    }
}

TEST_F(ScansTest, ANarrowScanComesInBetweenTheStepsOfAWideOne) {
    for (int i = 0; i < 20; ++i) insert();
    count({.model = "nobody's"});
    list({.limit = 2});
    scans_.step();
    scans_.step();
    EXPECT_THAT(listed_, SizeIs(2));
    EXPECT_FALSE(count_) << "it goes on";
    step_to_the_end();
    EXPECT_EQ(count_->value(), 0);
}

TEST_F(ScansTest, AFilterThatLooksForTooLongIsToldToBeNarrower) {
    for (int i = 0; i < 8; ++i) insert();
    store_.on_call([this](const std::string&) { clock_.advance(std::chrono::seconds(15)); });
    count({.model = "nobody's"});
    step_to_the_end();
    ASSERT_TRUE(count_);
    EXPECT_EQ(count_->error().code, ErrorCode::kDeadlineExceeded);
    EXPECT_THAT(count_->error().message, testing::HasSubstr("query.scan_time_max"));
    EXPECT_EQ(store_.calls("job_count"), 2);
    list({.model = "nobody's"});
    step_to_the_end();
    EXPECT_EQ(page_->error().code, ErrorCode::kDeadlineExceeded);
}

TEST_F(ScansTest, AListThatFoundSomeInItsTimeIsAShortPage) {
    const auto first = insert();
    for (int i = 0; i < 8; ++i) insert("other");
    store_.on_call([this](const std::string&) { clock_.advance(std::chrono::seconds(15)); });
    list({.model = "echo", .ascending = true});
    step_to_the_end();
    EXPECT_THAT(listed_, ElementsAre(first));
    EXPECT_TRUE(page_->value().second);
    EXPECT_EQ(store_.calls("job_list"), 2);
}

TEST_F(ScansTest, RetriesAPageOfThoseThatEndedBadly) {
    insert();
    const auto job = insert();
    ASSERT_TRUE(memory_.job_cancel({job}).has_value());
    std::optional<Result<RetryPage>> answer;
    scans_.retry_matching({.limit = 10}, [&](Result<RetryPage> page) { answer = std::move(page); });
    step_to_the_end();
    ASSERT_TRUE(answer && answer->has_value());
    ASSERT_THAT(answer->value().jobs, SizeIs(1));
    EXPECT_EQ(answer->value().jobs[0].job, job);
    ASSERT_THAT(submitted_, SizeIs(1));
    EXPECT_EQ(submitted_[0].retry_of, job);
}

TEST_F(ScansTest, LanesAreReadAtMostOnceASecond) {
    int answers = 0;
    const auto ask = [&] {
        scans_.lanes([&](Result<std::vector<storage::LaneStats>> lanes) {
            EXPECT_THAT(lanes.value(), SizeIs(3));
            ++answers;
        });
        scans_.step();
    };
    ask();
    clock_.advance(milliseconds(999));
    ask();
    EXPECT_EQ(store_.calls("lane_stats"), 1);
    clock_.advance(milliseconds(1));
    ask();
    EXPECT_EQ(store_.calls("lane_stats"), 2);
    EXPECT_EQ(answers, 3);
}

TEST_F(ScansTest, AGatewayThatStopsEndsThem) {
    for (int i = 0; i < 8; ++i) insert();
    count({.model = "nobody's"});
    scans_.step();
    scans_.close();
    scans_.run();
    ASSERT_TRUE(count_);
    EXPECT_EQ(count_->error().code, ErrorCode::kUnavailable);
    list({});
    EXPECT_EQ(page_->error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(listed_, IsEmpty());
}

}  // namespace
}  // namespace millrace::gateway

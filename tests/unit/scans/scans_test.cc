// Lists, counts and retries of many jobs: step by step, to the end or a limit, with other calls in
// between.
#include "producer/scans/scans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iterator>

#include "tests/support/faulty_job_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_job_store.h"
#include "tests/support/new_job.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/gateway/fakes.h"

namespace millrace::scans {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kMany = 1000;

class ScansTest : public testing::Test {
 protected:
    ScansTest() { (void)memory_.queue_register({"default"}); }

    JobId insert(const std::string& model = "echo") {
        auto spec = test::a_spec();
        spec.model = model;
        const auto job = test::new_job(JobId(ids_.next(milliseconds(1))), spec);
        EXPECT_TRUE(memory_.job_insert({job}).has_value());
        return job.id;
    }
    void list(storage::JobFilter filter) {
        scans_.list(std::move(filter), [this](Result<service::JobList> page) {
            listed_.clear();
            if (page) {
                for (const auto& job : page->jobs) listed_.push_back(job.id);
            }
            page_ = std::move(page);
        });
    }
    void count(storage::JobFilter filter, std::int64_t most = kMany) {
        scans_.count(std::move(filter), most,
                     [this](Result<service::JobCount> count) { count_ = std::move(count); });
    }
    JobId insert_cancelled(const std::string& model = "echo") {
        const auto job = insert(model);
        EXPECT_TRUE(memory_.job_cancel({job}).has_value());
        return job;
    }
    void retry(std::vector<JobId> ids) {
        scans_.retry(std::move(ids), [this](Result<service::RetryPage> page) { retried_ = page; });
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
    events::EventHub hub_{10};
    events::Announcer announcer_{broker::Topics("t"), publisher_, hub_};
    std::vector<service::SubmitRequest> submitted_;
    std::vector<std::size_t> batches_;  // The sizes of joint submissions.
    std::optional<Result<service::RetryPage>> retried_;
    std::function<void()> on_submit_ = [] {};
    commands::Retries retries_{
        {}, [this](std::vector<service::SubmitRequest> requests, const auto& done) {
            on_submit_();
            batches_.push_back(requests.size());
            const std::vector<service::SubmitResult> replies(requests.size(),
                                                             service::SubmitReply{});
            std::ranges::move(requests, std::back_inserter(submitted_));
            done(replies);
        }};
    // Looks at three jobs at a time, and retries two.
    Scans scans_{{.look_max = 3, .retry_batch_max = 2, .queue_max = 10},
                 clock_,
                 store_,
                 announcer_,
                 retries_};
    std::optional<Result<service::JobList>> page_;
    std::vector<JobId> listed_;
    std::optional<Result<service::JobCount>> count_;
};

TEST_F(ScansTest, CountsMatchesStepByStep) {
    for (int i = 0; i < 4; ++i) insert();
    for (int i = 0; i < 3; ++i) insert("other");
    insert();
    count({.model = "echo"});
    step_to_the_end();
    EXPECT_EQ(count_->value().matching, 5);
    EXPECT_EQ(store_.calls("job_count"), 3);
}

TEST_F(ScansTest, CountsNotMuchFurtherThanAsked) {
    for (int i = 0; i < 8; ++i) insert();
    count({}, 4);
    step_to_the_end();
    EXPECT_EQ(count_->value().matching, 6) << "two looks at three jobs";
    EXPECT_EQ(store_.calls("job_count"), 2);
}

TEST_F(ScansTest, ListsMatchesBehindManyOtherJobs) {
    const auto first = insert();
    for (int i = 0; i < 7; ++i) insert("other");
    const auto last = insert();
    for (const bool ascending : {true, false}) {
        list({.model = "echo", .ascending = ascending, .limit = 2});
        step_to_the_end();
        EXPECT_THAT(listed_, ascending ? ElementsAre(first, last) : ElementsAre(last, first));
        EXPECT_FALSE(page_->value().next);
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
        EXPECT_EQ(page_->value().next, limit == 1 ? std::optional(listed_.back()) : std::nullopt);
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
    EXPECT_EQ(count_->value().matching, 0);
}

TEST_F(ScansTest, AScanThatTakesTooLongSaysWhereToContinue) {
    std::vector<JobId> jobs;
    for (int i = 0; i < 7; ++i) jobs.push_back(insert());
    jobs.push_back(insert("rare"));
    store_.on_call([this](const std::string&) { clock_.advance(milliseconds(300)); });
    count({.model = "rare"});
    step_to_the_end();
    EXPECT_EQ(count_->value().matching, 0);
    EXPECT_EQ(count_->value().next, jobs[5]) << "two looks at three jobs";
    list({.model = "rare", .ascending = true});
    step_to_the_end();
    EXPECT_THAT(listed_, IsEmpty());
    EXPECT_EQ(page_->value().next, jobs[5]);
    list({.model = "rare", .after = page_->value().next, .ascending = true});
    step_to_the_end();
    EXPECT_THAT(listed_, ElementsAre(jobs[7]));
    EXPECT_FALSE(page_->value().next);
}

TEST_F(ScansTest, AListThatFoundSomeInItsTimeIsAShortPage) {
    const auto first = insert();
    JobId last;
    for (int i = 0; i < 8; ++i) {
        const auto other = insert("other");
        if (i == 4) last = other;
    }
    store_.on_call([this](const std::string&) { clock_.advance(milliseconds(300)); });
    list({.model = "echo", .ascending = true});
    step_to_the_end();
    EXPECT_THAT(listed_, ElementsAre(first));
    EXPECT_EQ(page_->value().next, last);
    EXPECT_EQ(store_.calls("job_list"), 2);
}

// The time begins with the call, not with its turn; but each call makes progress.
TEST_F(ScansTest, AScanThatWaitedForLongHasOneStep) {
    for (int i = 0; i < 4; ++i) insert("other");
    list({.model = "echo"});
    clock_.advance(std::chrono::seconds(40));
    step_to_the_end();
    EXPECT_TRUE(page_->value().next);
    EXPECT_EQ(store_.calls("job_list"), 1);
}

// However many scans of others go on.
TEST_F(ScansTest, ANewScanGoesBetweenTwoStepsOfTheOthers) {
    for (int i = 0; i < 20; ++i) insert();
    int counted = 0;
    for (int i = 0; i < 5; ++i) {
        scans_.count({.model = "nobody's"}, kMany,
                     [&](const Result<service::JobCount>&) { ++counted; });
    }
    for (int i = 0; i < 10; ++i) scans_.step();
    list({.limit = 2});
    scans_.step();
    scans_.step();
    EXPECT_THAT(listed_, SizeIs(2));
    EXPECT_EQ(counted, 0);
}

TEST_F(ScansTest, RetriesAPageOfJobsThatEndedBadly) {
    insert();
    const auto job = insert_cancelled();
    scans_.retry_matching({.limit = 10},
                          [this](Result<service::RetryPage> page) { retried_ = page; });
    step_to_the_end();
    ASSERT_THAT(retried_->value().jobs, SizeIs(1));
    EXPECT_EQ(retried_->value().jobs[0].job, job);
    ASSERT_THAT(submitted_, SizeIs(1));
    EXPECT_EQ(submitted_[0].retry_of, job);
}

TEST_F(ScansTest, ARetryByAFilterSaysWhereToContinue) {
    for (int i = 0; i < 8; ++i) insert_cancelled("other");
    const auto job = insert_cancelled();
    store_.on_call([this](const std::string& call) {
        if (call == "job_list") clock_.advance(milliseconds(300));
    });
    storage::JobFilter filter{.model = "echo", .ascending = true, .limit = 10};
    const auto retry_matching = [&] {
        scans_.retry_matching(filter, [this](Result<service::RetryPage> page) { retried_ = page; });
        step_to_the_end();
    };
    retry_matching();
    EXPECT_THAT(retried_->value().jobs, IsEmpty());
    ASSERT_TRUE(retried_->value().next);
    filter.after = retried_->value().next;
    retry_matching();
    ASSERT_THAT(retried_->value().jobs, SizeIs(1));
    EXPECT_EQ(retried_->value().jobs[0].job, job);
    EXPECT_FALSE(retried_->value().next);
}

// The specs of many jobs at once could exceed the memory.
TEST_F(ScansTest, RetriesManyAFewAtATimeInTheirOrder) {
    std::vector<JobId> jobs;
    for (int i = 0; i < 5; ++i) jobs.push_back(insert_cancelled());
    retry(jobs);
    scans_.step();
    bool counted = false;
    scans_.count({}, 1, [&](const Result<service::JobCount>&) { counted = true; });
    scans_.step();
    scans_.step();
    EXPECT_TRUE(counted);
    EXPECT_FALSE(retried_);
    step_to_the_end();
    EXPECT_THAT(batches_, ElementsAre(2, 2, 1));
    std::vector<JobId> answered;
    for (const auto& job : retried_->value().jobs) answered.push_back(job.job);
    EXPECT_EQ(answered, jobs);

    scans_.retry_matching({.ascending = true, .limit = 3},
                          [this](Result<service::RetryPage> page) { retried_ = page; });
    step_to_the_end();
    EXPECT_THAT(retried_->value().jobs, SizeIs(3));
    EXPECT_TRUE(retried_->value().next);
}

// A submission keeps its specs in memory until it is answered.
TEST_F(ScansTest, OneRetryReadsSpecsOnceAnothersAreSubmitted) {
    const std::vector jobs{insert_cancelled(), insert_cancelled()};
    std::vector<std::function<void()>> commits;
    commands::Retries retries{
        {.bytes_max = 1}, [&](const auto& requests, const auto& done) {
            commits.push_back([size = requests.size(), done] {
                done(std::vector<service::SubmitResult>(size, service::SubmitReply{}));
            });
        }};
    Scans scans{{.queue_max = 3}, clock_, store_, announcer_, retries};
    std::vector<Result<service::RetryPage>> answers;
    const auto ask = [&] {
        scans.retry(jobs, [&](const Result<service::RetryPage>& page) { answers.push_back(page); });
    };
    const auto step_to_the_end = [&] {
        while (scans.step()) {
        }
    };
    for (int i = 0; i < 3; ++i) ask();
    for (int i = 1; i <= 6; ++i) {
        step_to_the_end();
        EXPECT_EQ(store_.calls("job_specs"), i);
        ASSERT_THAT(commits, SizeIs(i));
        commits.back()();
    }
    EXPECT_EQ(answers.size(), 3U);
    for (const auto& page : answers) EXPECT_THAT(page->jobs, SizeIs(2));

    // Waiting calls are counted, and answered when the gateway stops.
    for (int i = 0; i < 4; ++i) {
        ask();
        step_to_the_end();
    }
    ask();
    EXPECT_EQ(answers.back().error().code, ErrorCode::kResourceExhausted);
    scans.close();
    commits.back()();
    EXPECT_EQ(answers.size(), 8U);
    EXPECT_EQ(answers[5].error().code, ErrorCode::kUnavailable);
}

TEST_F(ScansTest, ARetryThatStopsHalfwaySaysWhichJobsItLeft) {
    std::vector<JobId> jobs;
    for (int i = 0; i < 5; ++i) jobs.push_back(insert_cancelled());
    on_submit_ = [this] { scans_.close(); };
    retry(jobs);
    scans_.run();
    const auto& results = retried_->value().jobs;
    ASSERT_THAT(results, SizeIs(5));
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(results[i].job, jobs[i]);
        EXPECT_EQ(results[i].retry.has_value(), i < 2);
    }
    EXPECT_EQ(results[4].retry.error().error.code, ErrorCode::kUnavailable);
}

TEST_F(ScansTest, ARetryThatDidNothingIsAnError) {
    store_.fail_before("job_get", ErrorCode::kUnavailable);
    retry({insert_cancelled(), insert_cancelled(), insert_cancelled()});
    step_to_the_end();
    EXPECT_EQ(retried_->error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(submitted_, IsEmpty());
}

TEST_F(ScansTest, AGatewayThatStopsRefusesOpenScans) {
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
}  // namespace millrace::scans

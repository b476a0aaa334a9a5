// Reading: pages and filters of the list, lanes, PostgreSQL's clock.
#include <fmt/format.h>

#include "tests/conformance/storage/store_test.h"

namespace millrace::test {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class Read : public StoreTest {
 protected:
    std::vector<JobId> list(const std::function<void(JobFilter&)>& change = {}) {
        JobFilter filter{.ascending = true, .limit = 100};
        if (change) change(filter);
        const auto page = store_->job_list(filter, kLookMax).value();
        has_more_ = page.has_more;
        std::vector<JobId> ids;
        for (const auto& job : page.jobs) ids.push_back(job.id);
        return ids;
    }

    bool has_more_ = false;
};

TEST_P(Read, GetsThoseThatExist) {
    const auto jobs = insert_many(2);
    const auto found = store_->job_get({jobs[1], new_job().id, jobs[0]}, {}).value();
    std::vector<JobId> ids;
    for (const auto& job : found) ids.push_back(job.id);
    EXPECT_THAT(ids, UnorderedElementsAre(jobs[0], jobs[1]));
    EXPECT_THAT(store_->job_get({}, {}).value(), IsEmpty());
}

TEST_P(Read, GetsOnlyTheFieldsThatAreAskedFor) {
    const auto attempt = insert_claimed();
    settle(completed(attempt));
    const auto bare = store_->job_get({attempt.job}, {}).value().at(0);
    EXPECT_FALSE(bare.input_json || bare.output_json || bare.partial_text);
    EXPECT_THAT(bare.attempts, IsEmpty());
    const auto full = get(attempt.job);
    EXPECT_TRUE(full.input_json && full.output_json);
    EXPECT_THAT(full.attempts, SizeIs(1));
}

TEST_P(Read, ListsInBothDirections) {
    auto jobs = insert_many(4);
    settle(completed(claim(jobs[1])));
    settle(failed(claim(jobs[2])));
    EXPECT_THAT(list(), ElementsAreArray(jobs));
    EXPECT_FALSE(has_more_);
    std::ranges::reverse(jobs);
    EXPECT_THAT(list([](auto& f) { f.ascending = false; }), ElementsAreArray(jobs));
}

TEST_P(Read, ListsPageByPage) {
    const auto jobs = insert_many(5);
    settle(completed(claim(jobs[3])));
    EXPECT_THAT(list([](auto& f) { f.limit = 2; }), ElementsAre(jobs[0], jobs[1]));
    EXPECT_TRUE(has_more_);
    const auto next = [&](auto& f) {
        f.limit = 3;
        f.after = jobs[1];
    };
    EXPECT_THAT(list(next), ElementsAre(jobs[2], jobs[3], jobs[4]));
    EXPECT_FALSE(has_more_);
    const auto back = [&](auto& f) {
        f.ascending = false;
        f.limit = 1;
        f.after = jobs[1];
    };
    EXPECT_THAT(list(back), ElementsAre(jobs[0]));
}

// However few jobs match: it returns open and final ones alike, each once.
TEST_P(Read, ExaminesABoundedNumberOfJobsAndSaysWhereToContinue) {
    insert_many(7, [](NewJob& j) { j.terms.model = "other"; });
    const auto open = insert();
    const auto done = insert_claimed().job;
    settle(completed({done, 1}));
    for (const bool ascending : {true, false}) {
        JobFilter filter{.model = "echo", .ascending = ascending, .limit = 2};
        std::vector<JobId> found;
        int looks = 0;
        do {
            const auto page = store_->job_list(filter, 2).value();
            for (const auto& job : page.jobs) found.push_back(job.id);
            EXPECT_FALSE(page.has_more);
            filter.after = page.next;
            ++looks;
        } while (filter.after && looks < 10);
        EXPECT_EQ(looks, 5);
        EXPECT_THAT(found, ascending ? ElementsAre(open, done) : ElementsAre(done, open));
    }
}

TEST_P(Read, AFullPageSaysWhetherAnotherMatches) {
    const auto jobs = insert_many(3);
    const auto page = store_->job_list({.ascending = true, .limit = 2}, 3).value();
    EXPECT_THAT(page.jobs, SizeIs(2));
    EXPECT_TRUE(page.has_more);
    EXPECT_FALSE(page.next);
    const auto nothing = store_->job_list({.after = jobs[1], .ascending = true, .limit = 0}, 3);
    EXPECT_THAT(nothing->jobs, IsEmpty());
    EXPECT_TRUE(nothing->has_more);
}

TEST_P(Read, CountsLookByLook) {
    insert_many(3);
    settle(completed(insert_claimed()));
    insert_many(2, [](NewJob& j) { j.terms.model = "other"; });
    JobFilter filter{.model = "echo"};
    std::vector<std::int64_t> counts;
    do {
        const auto count = store_->job_count(filter, 2).value();
        counts.push_back(count.matching);
        filter.after = count.next;
    } while (filter.after && counts.size() < 10);
    EXPECT_THAT(counts, ElementsAre(2, 2, 0, 0));
    EXPECT_EQ(store_->job_count({.states = {JobState::kCompleted}}, kLookMax)->matching, 1);
    EXPECT_EQ(store_->job_count({.states = {JobState::kFailed}}, kLookMax)->matching, 0);
}

TEST_P(Read, FiltersByQueuePriorityModelAndState) {
    const auto plain = insert();
    const auto gpu = insert([](NewJob& j) { j.terms.queue = "gpu"; });
    const auto high = insert([](NewJob& j) { j.terms.priority = Priority::kHigh; });
    const auto llama = insert([](NewJob& j) { j.terms.model = "llama"; });
    const auto done = insert_claimed().job;
    settle(completed({done, 1}));
    EXPECT_THAT(list([](auto& f) { f.queue = "gpu"; }), ElementsAre(gpu));
    EXPECT_THAT(list([](auto& f) { f.priority = Priority::kHigh; }), ElementsAre(high));
    EXPECT_THAT(list([](auto& f) { f.model = "llama"; }), ElementsAre(llama));
    EXPECT_THAT(list([](auto& f) { f.states = {JobState::kCompleted}; }), ElementsAre(done));
    EXPECT_THAT(list([](auto& f) {
                    f.states = {JobState::kQueued, JobState::kCompleted};
                }),
                ElementsAre(plain, gpu, high, llama, done));
    EXPECT_THAT(list([](auto& f) { f.queue = "nowhere"; }), IsEmpty());
}

TEST_P(Read, FiltersByMetadata) {
    const auto ann = insert([](NewJob& j) { j.metadata_json = R"({"user":"ann","run":"1"})"; });
    const auto bob = insert([](NewJob& j) { j.metadata_json = R"({"user":"bob","run":"1"})"; });
    insert();
    EXPECT_THAT(list([](auto& f) { f.metadata = {{"run", "1"}}; }), ElementsAre(ann, bob));
    EXPECT_THAT(list([](auto& f) {
                    f.metadata = {{"run", "1"}, {"user", "bob"}};
                }),
                ElementsAre(bob));
}

TEST_P(Read, FiltersByTheTimeOfCreation) {
    const auto old = insert();
    pass(1h);
    const auto young = insert([&](NewJob& j) { j.id = JobId(ids_.next(store_->database_time())); });
    const auto created = get(young).created_at;
    EXPECT_THAT(list([&](auto& f) { f.created_before = created; }), ElementsAre(old));
    EXPECT_THAT(list([&](auto& f) { f.created_after = created - 60s; }), ElementsAre(young));
    EXPECT_THAT(list([&](auto& f) { f.created_after = created; }), IsEmpty());
    EXPECT_THAT(list([&](auto& f) {
                    f.created_after = created - 60s;
                    f.after = old;
                }),
                ElementsAre(young));
    EXPECT_THAT(list([&](auto& f) {
                    f.created_before = created + 60s;
                    f.ascending = false;
                    f.after = young;
                }),
                ElementsAre(old));
}

// What few jobs have in common is found without a look at the others.
TEST_P(Read, FindsRareStatesAndErrorsAtOnce) {
    insert_many(5);
    const auto failed = insert_claimed();
    settle(test::failed(failed));
    insert_many(5);
    const auto running = insert_claimed().job;
    const auto later = insert([&](NewJob& j) { j.run_at = DbTime(store_->database_time() + 24h); });
    const auto again = insert_claimed();
    settle(to_retry(again));
    const auto cancelled = insert();
    ASSERT_TRUE(store_->job_cancel({cancelled}));
    const auto error = get(failed.job).error_code;
    const auto found = [&](JobFilter filter, bool ascending) {
        filter.ascending = ascending;
        std::vector<JobId> ids;
        for (const auto& job : store_->job_list(filter, 4).value().jobs) ids.push_back(job.id);
        if (!ascending) std::ranges::reverse(ids);
        return ids;
    };
    for (const bool ascending : {true, false}) {
        EXPECT_THAT(found({.states = {JobState::kFailed}}, ascending), ElementsAre(failed.job));
        EXPECT_THAT(found({.states = {JobState::kFailed, JobState::kCancelled}}, ascending),
                    ElementsAre(failed.job, cancelled));
        EXPECT_THAT(found({.states = {JobState::kInProgress}}, ascending), ElementsAre(running));
        EXPECT_THAT(found({.states = {JobState::kScheduled}}, ascending),
                    ElementsAre(later, again.job));
        EXPECT_THAT(found({.states = {JobState::kScheduled, JobState::kInProgress}}, ascending),
                    ElementsAre(running, later, again.job));
        EXPECT_THAT(found({.error_code = error}, ascending), testing::Contains(failed.job));
        EXPECT_THAT(found({.error_code = "nobody's"}, ascending), IsEmpty());
    }
    EXPECT_EQ(store_->job_count({.states = {JobState::kFailed}}, 4)->matching, 1);
}

TEST_P(Read, CountsTheLanes) {
    insert_many(2);
    insert_claimed();
    ASSERT_TRUE(store_->job_cancel({insert_claimed().job}));
    insert([&](NewJob& j) { j.run_at = DbTime(store_->database_time() + 24h); });
    settle(completed(insert_claimed()));
    pass(60s);
    const auto lanes = store_->lane_stats().value();
    EXPECT_THAT(lanes, SizeIs(6)) << "two queues, three priorities";
    for (const auto& lane : lanes) {
        const bool ours = lane.queue == "default" && lane.priority == Priority::kNormal;
        EXPECT_EQ(lane.queued, ours ? 2 : 0);
        EXPECT_EQ(lane.scheduled, ours ? 1 : 0);
        EXPECT_EQ(lane.in_progress, ours ? 2 : 0);
        EXPECT_EQ(lane.oldest_age.has_value(), ours);
        EXPECT_GE(lane.oldest_age.value_or(60s), 60s);
        EXPECT_FALSE(lane.is_estimate);
    }
}

TEST_P(Read, TellsSinceWhenJobsWaitForEachModelOfALane) {
    EXPECT_THAT(store_->lane_ages(10).value(), IsEmpty());
    const auto attempt = insert_claimed();
    insert([](NewJob& j) { j.terms.model = "second"; });
    pass(20s);
    insert([](NewJob& j) { j.terms.queue = "gpu"; });
    insert([&](NewJob& j) { j.run_at = DbTime(store_->database_time() + 24h); });
    pass(10s);
    settle(interrupted(attempt));
    insert([](NewJob& j) { j.terms.model = "second"; });
    std::vector<std::string> found;
    for (const auto& lane : store_->lane_ages(10).value()) {
        const auto age = std::chrono::floor<std::chrono::seconds>(lane.oldest).count() / 10 * 10;
        found.push_back(
            fmt::format("{} {} {} {}", lane.queue, name(lane.priority), lane.model, age));
    }
    EXPECT_THAT(found, ElementsAre("default normal second 30", "gpu normal echo 10",
                                   "default normal echo 0"));
    EXPECT_THAT(store_->lane_ages(2).value(), SizeIs(2));
}

TEST_P(Read, KnowsTheDatabasesTime) {
    const auto created = get(insert()).created_at.time_since_epoch();
    EXPECT_GE(store_->database_time() + 60s, created);
    EXPECT_LE(store_->database_time() - 60s, created);
}

MILLRACE_STORE_SUITE(Read);

}  // namespace
}  // namespace millrace::test

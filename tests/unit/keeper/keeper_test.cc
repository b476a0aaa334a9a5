// The keeper on a store in memory that fails on demand, with a clock that the test moves.
#include "producer/keeper/keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "producer/keeper/chores.h"
#include "producer/keeper/survey.h"
#include "tests/support/faulty_job_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_job_store.h"
#include "tests/support/new_job.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/gateway/fakes.h"

namespace millrace::keeper {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class KeeperTest : public testing::Test {
 protected:
    KeeperTest() { (void)memory_.queue_register({"default"}); }

    JobId insert(std::function<void(storage::NewJob&)> change = [](auto&) {}) {
        auto job = test::new_job(JobId(ids_.next(milliseconds(1))), test::a_spec());
        job.terms.policy.execution_timeout = std::chrono::hours(1);
        change(job);
        EXPECT_TRUE(memory_.job_insert({job}).has_value());
        return job.id;
    }
    JobId insert_scheduled(seconds delay) {
        return insert([&](storage::NewJob& job) { job.run_at = clock_.wall() + delay; });
    }
    WorkerId add_worker() {
        storage::WorkerInfo worker;
        worker.id = WorkerId(ids_.next(milliseconds(1)));
        worker.queues = {"default"};
        worker.models = {test::a_spec().model};
        EXPECT_TRUE(memory_.worker_register(worker).has_value());
        return worker.id;
    }
    JobId claimed_by(WorkerId worker) {
        const auto job = insert();
        EXPECT_THAT(memory_.job_claim(worker, {job}).value(), SizeIs(1));
        return job;
    }
    JobState state(JobId id) const { return database_.job(id)->state; }

    // Runs rounds of the keeper, one a second; the workers in beating_ beat before each.
    void pass(seconds time) {
        for (seconds t{0}; t < time; t += seconds(1)) {
            clock_.advance(seconds(1));
            for (const auto worker : beating_) (void)memory_.worker_heartbeat(worker);
            round();
        }
    }
    void round() {
        while (keeper_.step()) {
        }
        while (survey_.step()) {
        }
        while (chores_.step()) {
        }
    }
    std::vector<JobId> published() {
        dispatcher_.step();
        return publisher_.jobs_on("t.jobs.default.normal");
    }

    test::ManualClock clock_;
    test::SeededRandom random_;
    UuidGenerator ids_{random_};
    test::MemoryDatabase database_{clock_};
    test::MemoryJobStore memory_{database_};
    test::FaultyJobStore store_{memory_};
    test::RecordingPublisher publisher_;
    dispatch::Dispatcher dispatcher_{{}, clock_, broker::Topics("t"), publisher_};
    events::EventHub hub_{10};
    events::Announcer announcer_{broker::Topics("t"), publisher_, hub_};
    const KeeperOptions options_{.page = 2, .losses_max = 2};
    Keeper keeper_{options_, clock_, random_, store_, dispatcher_, announcer_};
    test::FaultyJobStore survey_store_{memory_};
    Survey survey_{options_, clock_, random_, survey_store_, announcer_};
    test::FaultyJobStore chores_store_{memory_};
    Chores chores_{options_, clock_, random_, chores_store_,
                   [this](milliseconds time) { return keeper_.ages_are_right(time); }};
    std::vector<WorkerId> beating_;
};

TEST_F(KeeperTest, ReleasesDueJobsAndDispatchesThem) {
    const auto job = insert_scheduled(seconds(10));
    pass(seconds(9));
    EXPECT_EQ(state(job), JobState::kScheduled);
    pass(seconds(1));
    EXPECT_EQ(state(job), JobState::kQueued);
    EXPECT_THAT(published(), ElementsAre(job));
    EXPECT_FALSE(wire::decode_dispatch(publisher_.values_of("t.jobs.default.normal")[0])->spec);
}

TEST_F(KeeperTest, AFullPageIsFollowedByTheNextAtOnce) {
    for (int i = 0; i < 5; ++i) insert_scheduled(seconds(1));
    clock_.advance(seconds(1));
    EXPECT_TRUE(keeper_.step());
    EXPECT_TRUE(keeper_.step());
    EXPECT_FALSE(keeper_.step());
    EXPECT_THAT(published(), SizeIs(5));
}

TEST_F(KeeperTest, ADutyRunsOncePerInterval) {
    pass(seconds(3));
    round();
    EXPECT_EQ(store_.calls("keeper_expire"), 3);
}

TEST_F(KeeperTest, ExpiresWaitingJobsAndNotifiesWaiters) {
    const auto job = insert([](auto& j) { j.terms.policy.ttl = seconds(5); });
    int notices = 0;
    const auto subscription = hub_.watch(job, [&](const service::JobNotice& notice) {
        EXPECT_EQ(notice.state, JobState::kExpired);
        ++notices;
    });
    pass(seconds(5));
    EXPECT_EQ(state(job), JobState::kExpired);
    EXPECT_EQ(notices, 1);
    EXPECT_THAT(publisher_.values_of("t.events"), SizeIs(1));
}

TEST_F(KeeperTest, EndsAttemptsPastTheirDeadlineAndGrace) {
    const auto worker = add_worker();
    beating_ = {worker};
    const auto job = insert([](auto& j) { j.terms.policy.execution_timeout = seconds(60); });
    ASSERT_THAT(memory_.job_claim(worker, {job}).value(), SizeIs(1));
    pass(seconds(90));
    EXPECT_EQ(state(job), JobState::kInProgress);
    pass(seconds(1));
    EXPECT_EQ(state(job), JobState::kQueued);
    EXPECT_THAT(published(), ElementsAre(job));
}

TEST_F(KeeperTest, RescuesTheJobsOfASilentWorker) {
    const auto dead = add_worker();
    const auto healthy = add_worker();
    beating_ = {healthy};
    std::vector<JobId> jobs;
    for (int i = 0; i < 5; ++i) jobs.push_back(claimed_by(dead));
    const auto other = claimed_by(healthy);
    pass(seconds(30));
    EXPECT_EQ(state(jobs[0]), JobState::kInProgress);
    pass(seconds(1));
    for (const auto& job : jobs) EXPECT_EQ(state(job), JobState::kQueued);
    EXPECT_EQ(state(other), JobState::kInProgress);
    EXPECT_THAT(published(), testing::UnorderedElementsAreArray(jobs));
}

TEST_F(KeeperTest, RescueIsLevelTriggered) {
    const auto worker = add_worker();
    pass(seconds(31));
    // A claim that commits late leaves a job with a worker that is already gone.
    const auto job = insert();
    const auto late = add_worker();
    ASSERT_THAT(memory_.job_claim(late, {job}).value(), SizeIs(1));
    ASSERT_TRUE(memory_.worker_stop(late).has_value());
    pass(seconds(1));
    EXPECT_EQ(state(job), JobState::kQueued);
    EXPECT_FALSE(memory_.worker_heartbeat(worker)->alive);
}

TEST_F(KeeperTest, AnOutageOfTheStoreDoesNotCountAsSilence) {
    const auto worker = add_worker();
    const auto job = claimed_by(worker);
    pass(seconds(25));
    store_.set_down(true);
    pass(seconds(60));
    store_.set_down(false);
    pass(seconds(30));
    EXPECT_EQ(state(job), JobState::kInProgress);
    pass(seconds(1));
    EXPECT_EQ(state(job), JobState::kQueued);
}

TEST_F(KeeperTest, AGapInItsOwnTickingDoesNotCountAsSilence) {
    const auto job = claimed_by(add_worker());
    pass(seconds(25));
    clock_.advance(seconds(20));
    pass(seconds(30));
    EXPECT_EQ(state(job), JobState::kInProgress);
    pass(seconds(1));
    EXPECT_EQ(state(job), JobState::kQueued);
}

TEST_F(KeeperTest, ANewLeaderRestartsTheSilence) {
    const auto job = claimed_by(add_worker());
    database_.hold_duty("rescue", true);
    pass(seconds(60));
    database_.hold_duty("rescue", false);
    pass(seconds(30));
    EXPECT_EQ(state(job), JobState::kInProgress);
    pass(seconds(1));
    EXPECT_EQ(state(job), JobState::kQueued);
}

TEST_F(KeeperTest, NothingIsSweptForOneTtlAfterAStepOfTheDatabasesClock) {
    const auto scheduled = insert_scheduled(seconds(600));
    const auto expiring = insert([](auto& j) { j.terms.policy.ttl = seconds(600); });
    const auto worker = add_worker();
    beating_ = {worker};
    const auto running = claimed_by(worker);
    pass(seconds(5));
    clock_.step_wall(std::chrono::hours(2));
    pass(seconds(30));
    EXPECT_EQ(state(scheduled), JobState::kScheduled);
    EXPECT_EQ(state(expiring), JobState::kQueued);
    EXPECT_EQ(state(running), JobState::kInProgress);
    clock_.step_wall(-std::chrono::hours(2));  // The clock is corrected.
    pass(seconds(31));
    EXPECT_EQ(state(scheduled), JobState::kScheduled);
    EXPECT_EQ(state(expiring), JobState::kQueued);
}

TEST_F(KeeperTest, AStepOfTheDatabasesClockEndsNoAttempt) {
    const auto worker = add_worker();
    beating_ = {worker};
    const auto running = claimed_by(worker);
    pass(seconds(5));
    store_.fail_before("keeper_reset_deadlines", ErrorCode::kUnavailable);
    clock_.step_wall(std::chrono::hours(2));
    pass(seconds(600));
    EXPECT_EQ(state(running), JobState::kInProgress);
    EXPECT_EQ(store_.calls("keeper_reset_deadlines"), 2);
    clock_.step_wall(-std::chrono::hours(24));
    pass(seconds(3600));  // It gets its whole time again, but not an extra day.
    EXPECT_EQ(state(running), JobState::kInProgress);
    pass(seconds(32));
    EXPECT_EQ(state(running), JobState::kQueued);
}

TEST_F(KeeperTest, AJobThatKillsItsWorkersFails) {
    const auto job = insert();
    ASSERT_THAT(memory_.job_claim(add_worker(), {job}).value(), SizeIs(1));
    pass(seconds(31));
    ASSERT_TRUE(memory_.job_claim_confined(add_worker()).value());
    pass(seconds(31));
    EXPECT_EQ(state(job), JobState::kFailed);
    EXPECT_EQ(database_.job(job)->error_code, "worker_lost");
}

TEST_F(KeeperTest, LossesInAMassOutageCountAgainstNoJob) {
    const auto job = insert();
    for (int outage = 0; outage < 3; ++outage) {
        const auto victim = add_worker();
        add_worker();
        ASSERT_THAT(memory_.job_claim(victim, {job}).value(), SizeIs(1));
        pass(seconds(31));
    }
    EXPECT_EQ(state(job), JobState::kQueued);
}

TEST_F(KeeperTest, ADutyThatFailsIsTriedAgainNextTimeAndDelaysNoOther) {
    const auto job = insert_scheduled(seconds(1));
    store_.fail_before("keeper_release", ErrorCode::kUnavailable);
    const auto expiring = insert([](auto& j) { j.terms.policy.ttl = seconds(1); });
    pass(seconds(1));
    EXPECT_EQ(state(job), JobState::kScheduled);
    EXPECT_EQ(state(expiring), JobState::kExpired);
    pass(seconds(1));
    EXPECT_EQ(state(job), JobState::kQueued);
}

TEST_F(KeeperTest, SendsWorkersTheAgesOfTheLanesThatHaveJobs) {
    insert();
    pass(seconds(3));
    const auto sent = publisher_.values_of("t.control");
    ASSERT_THAT(sent, SizeIs(3));
    const auto hints = std::get<wire::LaneHints>(wire::decode_control(sent.back()).value());
    EXPECT_EQ(hints.interval, seconds(1));
    EXPECT_EQ(hints.measured_at, memory_.database_time());
    EXPECT_TRUE(hints.is_complete);
    ASSERT_THAT(hints.lanes, SizeIs(1));
    EXPECT_EQ(hints.lanes[0].priority, test::a_spec().priority);
    EXPECT_EQ(hints.lanes[0].model, test::a_spec().model);
    EXPECT_EQ(hints.lanes[0].oldest, seconds(3));
}

TEST_F(KeeperTest, HintsAreAsOldAsTheQuestionHoweverLateTheAnswer) {
    pass(seconds(1));
    milliseconds asked_at{0};
    survey_store_.on_call([&](const std::string& call) {
        if (call != "lane_ages") return;
        asked_at = memory_.database_time();
        clock_.advance(seconds(5));
    });
    pass(seconds(1));
    const auto sent = publisher_.values_of("t.control");
    const auto hints = std::get<wire::LaneHints>(wire::decode_control(sent.back()).value());
    EXPECT_EQ(hints.measured_at, asked_at);
}

TEST_F(KeeperTest, PurgesAndRotatesAtTheStartAndRarely) {
    pass(seconds(3600));
    EXPECT_EQ(chores_store_.calls("partition_rotate"), 1);
    EXPECT_EQ(chores_store_.calls("idempotency_purge"), 60);
    pass(seconds(1));
    EXPECT_EQ(chores_store_.calls("partition_rotate"), 2);
}

// What takes long has stores, and so threads, of its own.
TEST_F(KeeperTest, RescuesWhileSurveysAndChoresGetNowhere) {
    const auto job = claimed_by(add_worker());
    for (int t = 0; t < 31; ++t) {
        clock_.advance(seconds(1));
        while (keeper_.step()) {
        }
    }
    EXPECT_EQ(state(job), JobState::kQueued);
    for (const auto* call : {"lane_ages", "lane_stats", "idempotency_purge", "worker_purge",
                             "partial_purge", "partition_rotate"}) {
        EXPECT_EQ(store_.calls(call), 0) << call;
    }
}

TEST_F(KeeperTest, NothingIsRemovedForItsAgeForAnHourAfterAStepOfTheDatabasesClock) {
    const auto removals = [this] {
        return chores_store_.calls("partition_rotate") + chores_store_.calls("idempotency_purge") +
               chores_store_.calls("worker_purge");
    };
    pass(seconds(5));
    EXPECT_EQ(removals(), 3);
    clock_.step_wall(std::chrono::hours(24 * 30));
    pass(seconds(1800));
    clock_.step_wall(-std::chrono::hours(24 * 30));  // The clock is corrected.
    pass(seconds(3600));
    EXPECT_EQ(removals(), 3);
    pass(seconds(1));
    EXPECT_EQ(removals(), 6);
}

TEST_F(KeeperTest, NothingIsRemovedForItsAgeWhileNobodySeesTheDatabasesClock) {
    EXPECT_FALSE(chores_.step());
    EXPECT_EQ(chores_store_.calls("partition_rotate"), 0);
    pass(seconds(1));
    EXPECT_EQ(chores_store_.calls("partition_rotate"), 1);
    clock_.advance(std::chrono::hours(2));
    chores_.step();
    EXPECT_EQ(chores_store_.calls("partition_rotate"), 1);
}

// It is tried again soon, then less often: whoever is in the way may stay for long.
TEST_F(KeeperTest, AChoreThatFailsPausesForLongerEachTime) {
    pass(seconds(1));
    chores_store_.set_down(true);
    pass(seconds(3700));
    const auto tries = chores_store_.calls("partition_rotate");
    EXPECT_GT(tries, 3);
    EXPECT_LT(tries, 20);
}

}  // namespace
}  // namespace millrace::keeper

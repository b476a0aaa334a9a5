// The keeper's duties: what they move, what they leave, and how many at a time.
#include "tests/conformance/storage/store_test.h"

namespace millrace::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class Keeper : public StoreTest {
 protected:
    // Makes the job lose its worker once while it runs.
    void lose_once(JobId job, bool mass_outage = false) {
        const auto worker = add_worker();
        claim(worker, job);
        lose(worker, mass_outage);
    }
    // Likewise a confined job.
    void lose_alone(JobId job) {
        const auto worker = add_worker();
        const auto claimed = store_->job_claim_confined(worker).value();
        ASSERT_TRUE(claimed);
        EXPECT_EQ(claimed->key.job, job);
        lose(worker);
    }
    std::vector<MovedJob> rescue(const RescueLimits& limits = {}) {
        const auto page = store_->keeper_rescue(limits).value();
        EXPECT_TRUE(page.led);
        return page.moved;
    }
    std::vector<MovedJob> end_overdue() {
        return store_->keeper_end_overdue(10s, 100).value().moved;
    }
    std::vector<MovedJob> expire() { return store_->keeper_expire(100).value().moved; }
};

TEST_P(Keeper, ReleasesScheduledJobsWhenTheirTimeHasCome) {
    const auto job = insert([&](NewJob& j) {
        j.run_at = DbTime(store_->database_time() + 60s);
        j.terms.priority = Priority::kLow;
    });
    const auto early = store_->keeper_release(10).value();
    EXPECT_TRUE(early.led);
    EXPECT_THAT(early.moved, IsEmpty());
    pass(61s);
    const auto page = store_->keeper_release(10).value();
    ASSERT_THAT(page.moved, SizeIs(1));
    EXPECT_EQ(page.moved[0].id, job);
    EXPECT_EQ(page.moved[0].queue, "default");
    EXPECT_EQ(page.moved[0].priority, Priority::kLow);
    EXPECT_EQ(page.moved[0].state, JobState::kQueued);
    EXPECT_TRUE(get(job).queued_at);
    EXPECT_TRUE(can_claim(worker_, job));
}

TEST_P(Keeper, MovesNoMoreThanAPage) {
    insert_many(5, [&](NewJob& j) { j.run_at = DbTime(store_->database_time() + 1s); });
    pass(2s);
    EXPECT_THAT(store_->keeper_release(3).value().moved, SizeIs(3));
    EXPECT_THAT(store_->keeper_release(3).value().moved, SizeIs(2));
    EXPECT_THAT(store_->keeper_release(3).value().moved, IsEmpty());
}

TEST_P(Keeper, ExpiresWaitingJobs) {
    const auto no_start = insert([](NewJob& j) { j.terms.policy.start_within = 60s; });
    const auto no_time = insert([](NewJob& j) { j.terms.policy.ttl = 60s; });
    const auto later = insert([&](NewJob& j) {
        j.run_at = DbTime(store_->database_time() + 1h);
        j.terms.policy.ttl = 60s;
    });
    const auto patient = insert();
    EXPECT_THAT(expire(), IsEmpty());
    pass(61s);
    const auto moved = expire();
    EXPECT_THAT(moved, SizeIs(2));
    for (const auto& job : moved) EXPECT_EQ(job.state, JobState::kExpired);
    for (const auto job : {no_start, no_time}) {
        EXPECT_EQ(state(job), JobState::kExpired);
        EXPECT_EQ(get(job).error_code, "expired");
        EXPECT_EQ(get(job).usage, Usage{});
    }
    EXPECT_EQ(state(patient), JobState::kQueued);
    EXPECT_EQ(state(later), JobState::kScheduled) << "its time counts from its run_at";
    EXPECT_THAT(expire(), IsEmpty());
    pass(1h);
    EXPECT_THAT(expire(), SizeIs(1));
    EXPECT_EQ(state(later), JobState::kExpired);
}

TEST_P(Keeper, AJobThatExpiresBetweenAttemptsKeepsItsLastError) {
    const auto fresh = insert([](NewJob& j) { j.terms.policy.ttl = 60s; });
    const auto tried = insert([](NewJob& j) { j.terms.policy.ttl = 60s; });
    const auto attempt = claim(worker_, tried);
    settle(to_retry(attempt));
    const auto last = get(tried);
    pass(61s);
    EXPECT_THAT(expire(), SizeIs(2));
    EXPECT_EQ(get(fresh).error_message, "its time to live ran out while it waited");
    EXPECT_FALSE(last.error_code.empty());
    EXPECT_EQ(get(tried).error_message,
              "its time to live ran out while it waited; the last attempt ended with " +
                  last.error_code + ": " + last.error_message);
    EXPECT_FALSE(get(tried).worker);
}

TEST_P(Keeper, DoesNotExpireRunningJobs) {
    const auto attempt = insert_claimed([](NewJob& j) { j.terms.policy.ttl = 60s; });
    pass(61s);
    EXPECT_THAT(expire(), IsEmpty());
    settle(interrupted(attempt));
    EXPECT_THAT(expire(), SizeIs(1));
    EXPECT_EQ(state(attempt.job), JobState::kExpired);
}

TEST_P(Keeper, EndsAttemptsPastTheirDeadlineAndGrace) {
    const auto attempt = insert_claimed();
    pass(65s);
    EXPECT_THAT(end_overdue(), IsEmpty());
    pass(10s);
    const auto moved = end_overdue();
    ASSERT_THAT(moved, SizeIs(1));
    EXPECT_EQ(moved[0].state, JobState::kQueued);
    EXPECT_EQ(moved[0].epoch, attempt.epoch);
    const auto job = get(attempt.job);
    EXPECT_EQ(job.state, JobState::kQueued);
    EXPECT_EQ(job.failures, 1);
    EXPECT_FALSE(job.worker);
    ASSERT_THAT(job.attempts, SizeIs(1));
    EXPECT_EQ(job.attempts[0].outcome, OutcomeKind::kTimeout);
    EXPECT_THAT(end_overdue(), IsEmpty());
}

TEST_P(Keeper, GivesRunningAttemptsTheirWholeTimeAgain) {
    const auto attempt = insert_claimed();
    const auto with_ttl = insert_claimed([](NewJob& j) { j.terms.policy.ttl = 90s; });
    const auto waiting = insert();
    pass(50s);
    ASSERT_TRUE(store_->keeper_reset_deadlines());
    pass(51s);  // Longer than either deadline had left; no reset extends a job's own time.
    const auto moved = end_overdue();
    ASSERT_THAT(moved, SizeIs(1));
    EXPECT_EQ(moved[0].id, with_ttl.job);
    EXPECT_EQ(state(attempt.job), JobState::kInProgress);
    EXPECT_EQ(state(waiting), JobState::kQueued);
    pass(20s);
    EXPECT_THAT(end_overdue(), SizeIs(1));
}

TEST_P(Keeper, FailsAnOverdueJobAfterItsLastAttempt) {
    const auto attempt = insert_claimed([](NewJob& j) { j.terms.policy.attempts_max = 1; });
    pass(2h);
    EXPECT_THAT(end_overdue(), SizeIs(1));
    EXPECT_EQ(state(attempt.job), JobState::kFailed);
    EXPECT_EQ(get(attempt.job).error_code, "timeout");
    EXPECT_EQ(get(attempt.job).failures, 1);
}

TEST_P(Keeper, ExpiresAnOverdueJobWhoseTimeToLiveIsOver) {
    const auto attempt = insert_claimed([](NewJob& j) { j.terms.policy.ttl = 30s; });
    pass(2h);
    EXPECT_THAT(end_overdue(), SizeIs(1));
    EXPECT_EQ(state(attempt.job), JobState::kExpired);
}

TEST_P(Keeper, CancelsAnOverdueJobThatIsCancelling) {
    const auto attempt = insert_claimed();
    ASSERT_TRUE(store_->job_cancel({attempt.job}));
    pass(2h);
    EXPECT_THAT(end_overdue(), SizeIs(1));
    EXPECT_EQ(state(attempt.job), JobState::kCancelled);
}

// The keeper may have begun to watch the worker when the other victims were already gone.
TEST_P(Keeper, CountsNoLossOfAWorkerThatWasHeardWithTheVictimsOfAnOutage) {
    lose(add_worker(), true);
    const auto victim = add_worker();
    const auto attempt = claim(victim, insert());
    lose(victim, false, 60s);
    EXPECT_THAT(rescue(), SizeIs(1));
    EXPECT_EQ(store_->job_claim(worker_, {attempt.job}).value().at(0).losses, 0);
}

TEST_P(Keeper, CountsTheLossOfAWorkerThatOutlivedAnOutage) {
    const auto survivor = add_worker();
    const auto attempt = claim(survivor, insert());
    lose(add_worker(), true);
    lose(survivor, false, {});
    EXPECT_THAT(rescue(), SizeIs(1));
    EXPECT_EQ(store_->job_claim(worker_, {attempt.job}).value().at(0).losses, 1);
}

TEST_P(Keeper, RescuesTheJobsOfALostWorker) {
    const auto lost = add_worker("gone");
    const auto attempt = claim(lost, insert());
    const auto safe = insert_claimed();
    EXPECT_THAT(rescue(), IsEmpty());
    lose(lost);
    const auto moved = rescue();
    ASSERT_THAT(moved, SizeIs(1));
    EXPECT_EQ(moved[0].id, attempt.job);
    EXPECT_EQ(moved[0].state, JobState::kQueued);
    EXPECT_EQ(moved[0].epoch, attempt.epoch);
    const auto job = get(attempt.job);
    EXPECT_EQ(job.interruptions, 1);
    EXPECT_EQ(job.failures, 0);
    EXPECT_FALSE(job.worker);
    ASSERT_THAT(job.attempts, SizeIs(1));
    EXPECT_EQ(job.attempts[0].outcome, OutcomeKind::kLost);
    EXPECT_EQ(job.attempts[0].worker_name, "gone");
    EXPECT_EQ(state(safe.job), JobState::kInProgress);
    EXPECT_THAT(rescue(), IsEmpty());
    const auto again = store_->job_claim(worker_, {attempt.job}).value().at(0);
    EXPECT_EQ(again.losses, 1);
    EXPECT_EQ(again.key.epoch, 2);
}

TEST_P(Keeper, QuarantinesAJobAfterTooManyLosses) {
    const auto job = insert();
    for (int i = 0; i < 2; ++i) {
        lose_once(job);
        ASSERT_EQ(rescue({.losses_max = 3}).at(0).state, JobState::kQueued);
    }
    lose_alone(job);
    EXPECT_EQ(rescue({.losses_max = 3}).at(0).state, JobState::kFailed);
    EXPECT_EQ(get(job).error_code, "worker_lost");
    EXPECT_TRUE(get(job).finished_at);
}

TEST_P(Keeper, QuarantinesNoJobForALossThatItSharedWithAnother) {
    const auto innocent = insert();
    const auto guilty = insert();
    const auto worker = add_worker();
    claim(worker, innocent);
    claim(worker, guilty);
    lose(worker);
    for (const auto& job : rescue({.losses_max = 1})) EXPECT_EQ(job.state, JobState::kQueued);
    lose_alone(innocent);
    EXPECT_EQ(rescue({.losses_max = 1}).at(0).state, JobState::kFailed);
}

TEST_P(Keeper, AConfinedJobIsClaimedAloneOnly) {
    const auto job = insert();
    for (int i = 0; i < 2; ++i) {
        lose_once(job);
        rescue({.losses_max = 3});
    }
    EXPECT_THAT(store_->job_claim(worker_, {job}).value(), IsEmpty());
    pass(60s);
    const StealRequest any{.queue = "default",
                           .priority = Priority::kNormal,
                           .model = get(job).model,
                           .age_min = 0ms,
                           .limit = 10};
    EXPECT_THAT(store_->job_steal(worker_, any)->jobs, IsEmpty());

    const auto neighbour = insert_claimed();
    EXPECT_FALSE(store_->job_claim_confined(worker_).value());
    settle(interrupted(neighbour));
    const auto alone = store_->job_claim_confined(worker_).value();
    ASSERT_TRUE(alone);
    EXPECT_EQ(alone->key.job, job);
    EXPECT_EQ(alone->losses, 2);
    EXPECT_EQ(alone->spec.queue, "default");
    EXPECT_FALSE(store_->job_claim_confined(worker_).value());
    // It ended otherwise than with its worker.
    settle(interrupted(alone->key));
    EXPECT_THAT(store_->job_claim(worker_, {job}).value(), SizeIs(1));
}

TEST_P(Keeper, AConfinedJobWaitsForOneWorkerAtATime) {
    const auto job = insert();
    lose_once(job);
    rescue({.losses_max = 1});
    const auto waits_for = [&](WorkerId worker) {
        return store_->worker_heartbeat(worker).value().confined_waits;
    };
    EXPECT_TRUE(waits_for(worker_)) << "it is the only one";
    const auto young = add_worker();
    EXPECT_FALSE(waits_for(worker_));
    EXPECT_TRUE(waits_for(young)) << "it is the youngest";
    claim(young, insert());
    EXPECT_TRUE(waits_for(worker_)) << "it has no job";
    insert_claimed();
    EXPECT_FALSE(waits_for(worker_));
    EXPECT_TRUE(waits_for(young)) << "both have jobs";
    store_->worker_announce(young, {"another"}).value();
    EXPECT_TRUE(waits_for(worker_)) << "the other one cannot run it";
    ASSERT_TRUE(store_->job_cancel({job}));
    EXPECT_FALSE(waits_for(worker_));
}

TEST_P(Keeper, CountsNoLossesInAMassOutage) {
    const auto job = insert();
    for (int i = 0; i < 3; ++i) {
        lose_once(job, true);
        ASSERT_EQ(rescue({.losses_max = 1}).at(0).state, JobState::kQueued);
    }
    EXPECT_EQ(store_->job_claim(worker_, {job}).value().at(0).losses, 0);
}

TEST_P(Keeper, CountsNoLossWhenAWorkerStopsInGoodOrder) {
    const auto worker = add_worker();
    const auto attempt = claim(worker, insert());
    ASSERT_TRUE(store_->worker_stop(worker));
    ASSERT_EQ(rescue({.losses_max = 1}).at(0).state, JobState::kQueued);
    EXPECT_EQ(get(attempt.job).attempts.at(0).outcome, OutcomeKind::kInterrupted);
    EXPECT_EQ(store_->job_claim(worker_, {attempt.job}).value().at(0).losses, 0);
}

TEST_P(Keeper, LeavesTheJobsOfADrainingWorker) {
    insert_claimed();
    ASSERT_TRUE(store_->worker_drain(worker_));
    EXPECT_THAT(rescue(), IsEmpty());
}

TEST_P(Keeper, CancelsARescuedJobThatIsCancelling) {
    const auto attempt = insert_claimed();
    ASSERT_TRUE(store_->job_cancel({attempt.job}));
    lose(worker_);
    EXPECT_EQ(rescue().at(0).state, JobState::kCancelled);
    EXPECT_EQ(state(attempt.job), JobState::kCancelled);
}

TEST_P(Keeper, ExpiresARescuedJobWhoseTimeToLiveIsOver) {
    const auto attempt = insert_claimed([](NewJob& j) { j.terms.policy.ttl = 30s; });
    lose(worker_);
    pass(31s);
    EXPECT_EQ(rescue().at(0).state, JobState::kExpired);
    EXPECT_EQ(get(attempt.job).error_code, "expired");
    EXPECT_EQ(get(attempt.job).attempts.at(0).outcome, OutcomeKind::kLost);
}

TEST_P(Keeper, RescuesPageByPage) {
    const auto jobs = insert_many(5);
    ASSERT_THAT(store_->job_claim(worker_, jobs).value(), SizeIs(5));
    lose(worker_);
    EXPECT_THAT(rescue({.page = 3}), SizeIs(3));
    EXPECT_THAT(rescue({.page = 3}), SizeIs(2));
}

TEST_P(Keeper, RotatesPartitionsAgainAndAgain) {
    EXPECT_TRUE(store_->partition_rotate({}));
    EXPECT_EQ(store_->partial_purge(10).value(), 0);
    const auto attempt = insert_claimed();
    EXPECT_EQ(settle(completed(attempt)), JobState::kCompleted);
}

MILLRACE_STORE_SUITE(Keeper);

}  // namespace
}  // namespace millrace::test

// Two writers and one job, in the order that hurts: the first has written but not yet committed,
// the second waits for the row, then the first commits.
//
// The first writer is a raw connection that executes the statements of sql/ itself.
#include <gmock/gmock.h>

#include <future>

#include "common/storage/postgres/array_parameter.h"
#include "common/storage/postgres/session.h"
#include "common/storage/postgres/statements.h"
#include "tests/integration/storage/postgres_test.h"

namespace millrace::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using Element = ArrayParameter::Element;

class Races : public PostgresTest {
 protected:
    Races() : other_(connect()), worker_(jobs_->add_worker()) {}

    // Begins the first writer's transaction with a statement.
    template <class... Parameters>
    pqxx::result first(const char* statement, const Parameters&... parameters) {
        work_ = std::make_unique<pqxx::work>(other_);
        return work_->exec_params(std::string(statements().at(statement)), parameters...);
    }
    void first_completes(AttemptKey attempt) {
        ArrayParameter epochs(Element::kInt8);
        epochs.add(attempt.epoch);
        ArrayParameter tokens(Element::kInt8);
        tokens.add(std::int64_t{1});
        first("job_complete", worker_.uuid().str(), ids({attempt.job}), parameter(epochs),
              parameter(text_array({"{}"})), parameter(tokens), parameter(tokens));
    }
    void first_claims(WorkerId worker, JobId job) {
        ASSERT_THAT(first("job_claim", worker.uuid().str(), ids({job})), SizeIs(1));
    }
    void first_commits() { work_->commit(); }

    // Starts the second writer, lets it wait, lets the first commit.
    template <class Call>
    auto second(Call call) {
        auto answer = std::async(std::launch::async, call);
        wait_for_a_waiter();
        first_commits();
        return answer.get();
    }

    pqxx::binarystring ids(const std::vector<JobId>& jobs) { return parameter(uuid_array(jobs)); }
    void lose(WorkerId worker) {
        for (const auto& pulse : store_->worker_pulses().value()) {
            if (pulse.id == worker) (void)store_->worker_mark_lost({pulse}, false, {});
        }
    }

    pqxx::connection other_;
    std::unique_ptr<pqxx::work> work_;
    WorkerId worker_;
};

TEST_F(Races, TheSecondClaimOfAJobGetsNothing) {
    const auto job = jobs_->insert();
    first_claims(jobs_->add_worker(), job);
    EXPECT_THAT(second([&] { return store_->job_claim(worker_, {job}).value(); }), IsEmpty());
    EXPECT_EQ(store_->job_get({job}, {}).value().at(0).epoch, 1);
}

TEST_F(Races, AStealPassesOverAJobThatIsBeingClaimed) {
    const auto job = jobs_->insert();
    const auto free = jobs_->insert();
    first_claims(jobs_->add_worker(), job);
    const auto stolen =
        store_->job_steal(worker_, {.queue = "default", .model = "echo", .limit = 2}).value().jobs;
    ASSERT_THAT(stolen, SizeIs(1));
    EXPECT_EQ(stolen[0].key.job, free);
}

TEST_F(Races, AClaimOfAJobThatWasCancelledMeanwhileGetsNothing) {
    const auto job = jobs_->insert();
    first("job_cancel", ids({job}));
    EXPECT_THAT(second([&] { return store_->job_claim(worker_, {job}).value(); }), IsEmpty());
    EXPECT_EQ(state(job), JobState::kCancelled);
}

TEST_F(Races, ACancelOfAJobThatWasClaimedMeanwhileAsksTheWorker) {
    const auto job = jobs_->insert();
    first_claims(worker_, job);
    const auto replies = second([&] { return store_->job_cancel({job}).value(); });
    ASSERT_THAT(replies, SizeIs(1));
    EXPECT_EQ(replies[0].state, JobState::kCancelling);
    EXPECT_EQ(replies[0].worker, worker_);
    EXPECT_EQ(replies[0].epoch, 1);
}

TEST_F(Races, ACancelOfAJobThatCompletedMeanwhileLeavesIt) {
    const auto attempt = jobs_->claim(worker_, jobs_->insert());
    first_completes(attempt);
    const auto replies = second([&] { return store_->job_cancel({attempt.job}).value(); });
    ASSERT_THAT(replies, SizeIs(1));
    EXPECT_EQ(replies[0].state, JobState::kCompleted);
}

TEST_F(Races, ACancelByAFilterOfAJobThatWasClaimedMeanwhileAsksTheWorker) {
    const auto job = jobs_->insert();
    first_claims(worker_, job);
    const auto page = second([&] { return store_->job_cancel_matching({.limit = 9}, 9).value(); });
    ASSERT_THAT(page.jobs, SizeIs(1));
    EXPECT_EQ(page.jobs[0].state, JobState::kCancelling);
    EXPECT_EQ(page.jobs[0].worker, worker_);
    EXPECT_EQ(page.jobs[0].epoch, 1);
    EXPECT_EQ(state(job), JobState::kCancelling);
}

// A cancel of waiting jobs must not stop a running one.
TEST_F(Races, ACancelOfWaitingJobsLeavesAJobThatWasClaimedMeanwhile) {
    const auto job = jobs_->insert();
    const auto next = jobs_->insert();
    first_claims(worker_, job);
    const auto page = second([&] {
        return store_->job_cancel_matching({.states = {JobState::kQueued}, .limit = 1}, 9).value();
    });
    ASSERT_THAT(page.jobs, SizeIs(1));
    EXPECT_EQ(page.jobs[0].id, next);
    EXPECT_EQ(state(job), JobState::kInProgress);
}

TEST_F(Races, ACancelByAFilterOfAJobThatCompletedMeanwhileLeavesIt) {
    const auto attempt = jobs_->claim(worker_, jobs_->insert());
    first_completes(attempt);
    const auto page = second([&] { return store_->job_cancel_matching({.limit = 9}, 9).value(); });
    EXPECT_THAT(page.jobs, IsEmpty());
    EXPECT_EQ(state(attempt.job), JobState::kCompleted);
}

TEST_F(Races, OneOfTwoCancelsByAFilterGetsTheJob) {
    const auto job = jobs_->insert();
    first("job_cancel", ids({job}));
    const auto page = second([&] { return store_->job_cancel_matching({.limit = 9}, 9).value(); });
    EXPECT_THAT(page.jobs, IsEmpty());
    EXPECT_EQ(state(job), JobState::kCancelled);
}

// The claim began before the job's time was over, so it counts.
TEST_F(Races, AnExpiryPassesOverAJobThatIsBeingClaimed) {
    const auto job = jobs_->insert();
    work_ = std::make_unique<pqxx::work>(other_);
    work_->exec("SELECT now()");
    execute("UPDATE jobs_open SET claim_by = clock_timestamp()");
    EXPECT_THAT(work_->exec_params(std::string(statements().at("job_claim")), worker_.uuid().str(),
                                   ids({job})),
                SizeIs(1));
    EXPECT_THAT(store_->keeper_expire(10).value().moved, IsEmpty());
    first_commits();
    EXPECT_THAT(store_->keeper_expire(10).value().moved, IsEmpty());
    EXPECT_EQ(state(job), JobState::kInProgress);
}

TEST_F(Races, ACompletionOfAJobThatIsBeingCancelledCompletes) {
    const auto attempt = jobs_->claim(worker_, jobs_->insert());
    first("job_cancel", ids({attempt.job}));
    const auto replies =
        second([&] { return store_->job_settle(worker_, {completed(attempt)}).value(); });
    EXPECT_TRUE(replies.at(0).accepted);
    EXPECT_EQ(state(attempt.job), JobState::kCompleted);
}

TEST_F(Races, AFailureOfAJobThatIsBeingCancelledCancels) {
    const auto attempt = jobs_->claim(worker_, jobs_->insert());
    first("job_cancel", ids({attempt.job}));
    const auto replies =
        second([&] { return store_->job_settle(worker_, {failed(attempt)}).value(); });
    EXPECT_EQ(replies.at(0).state, JobState::kCancelled);
}

TEST_F(Races, ACompletionOfAJobThatIsBeingRescuedIsRefused) {
    const auto attempt = jobs_->claim(worker_, jobs_->insert());
    lose(worker_);
    EXPECT_THAT(first("keeper_rescue", 3, 10), SizeIs(1));
    const auto replies =
        second([&] { return store_->job_settle(worker_, {completed(attempt)}).value(); });
    EXPECT_FALSE(replies.at(0).accepted);
    EXPECT_EQ(state(attempt.job), JobState::kQueued);
}

TEST_F(Races, AFailureOfAJobThatIsBeingRescuedIsRefused) {
    const auto attempt = jobs_->claim(worker_, jobs_->insert());
    lose(worker_);
    EXPECT_THAT(first("keeper_rescue", 3, 10), SizeIs(1));
    const auto replies =
        second([&] { return store_->job_settle(worker_, {failed(attempt)}).value(); });
    EXPECT_FALSE(replies.at(0).accepted);
    EXPECT_EQ(state(attempt.job), JobState::kQueued);
}

TEST_F(Races, ARescuePassesOverAJobThatIsCompleting) {
    const auto attempt = jobs_->claim(worker_, jobs_->insert());
    const auto other = jobs_->claim(worker_, jobs_->insert());
    first_completes(attempt);
    lose(worker_);
    const auto moved = store_->keeper_rescue({}).value().moved;
    ASSERT_THAT(moved, SizeIs(1)) << "a locked row must not hold up the page";
    EXPECT_EQ(moved[0].id, other.job);
    first_commits();
    EXPECT_THAT(store_->keeper_rescue({}).value().moved, IsEmpty());
    EXPECT_EQ(state(attempt.job), JobState::kCompleted);
}

TEST_F(Races, ARescueFindsAClaimThatCommitsAfterItsWorkerWasLost) {
    const auto job = jobs_->insert();
    first_claims(worker_, job);
    lose(worker_);
    EXPECT_THAT(store_->keeper_rescue({}).value().moved, IsEmpty()) << "nothing to be seen yet";
    first_commits();
    const auto moved = store_->keeper_rescue({}).value().moved;
    ASSERT_THAT(moved, SizeIs(1));
    EXPECT_EQ(moved[0].id, job);
    EXPECT_EQ(state(job), JobState::kQueued);
}

// Whatever the order of the batch: if "b" were held meanwhile, the two would deadlock.
TEST_F(Races, ARescueLeavesAJobThatALiveWorkerClaimedSinceItsOwnerWasLookedAt) {
    const auto job = jobs_->insert();
    jobs_->claim(worker_, job);
    const auto alive = jobs_->add_worker();
    lose(worker_);
    // A statement that looks at the workers waits at the gate.
    constexpr auto kGate = R"(
        CREATE FUNCTION gate() RETURNS boolean LANGUAGE sql VOLATILE AS
            'SELECT pg_advisory_xact_lock_shared(77) IS NOT NULL';
        ALTER TABLE workers RENAME TO all_workers;
        CREATE VIEW workers AS SELECT * FROM all_workers WHERE gate())";
    execute(kGate);
    work_ = std::make_unique<pqxx::work>(other_);
    work_->exec("SELECT pg_advisory_xact_lock(77)");
    const auto rescuer = postgres_store(options())();
    auto page = std::async(std::launch::async, [&] { return rescuer->keeper_rescue({}); });
    wait_for_a_waiter();
    execute("UPDATE jobs_open SET epoch = 2, worker_id = '" + alive.uuid().str() + "'");
    first_commits();
    EXPECT_THAT(page.get().value().moved, IsEmpty());
    EXPECT_TRUE(holds("(SELECT state = 4 AND epoch = 2 AND losses = 0 FROM jobs_open)"));
}

TEST_F(Races, RowsThatOthersHoldDoNotFillARescuersPage) {
    std::vector<JobId> jobs{jobs_->insert(), jobs_->insert(), jobs_->insert()};
    for (const auto& job : jobs) jobs_->claim(worker_, job);
    lose(worker_);
    work_ = std::make_unique<pqxx::work>(other_);
    work_->exec_params("SELECT FROM jobs_open WHERE id = ANY ($1::uuid[]) FOR UPDATE",
                       ids({jobs[0], jobs[1]}));
    const auto page = store_->keeper_rescue({.page = 2}).value();
    ASSERT_THAT(page.moved, SizeIs(1));
    EXPECT_EQ(page.moved[0].id, jobs[2]);
}

TEST_F(Races, KeysAreTakenInOneOrder) {
    const auto keyed = [&](const char* key) {
        auto job = jobs_->new_job();
        job.idempotency = IdempotencyKey{.key = key};
        return job;
    };
    const auto take = [&](const char* key) {
        work_->exec("INSERT INTO idempotency_keys (key, fingerprint, job_id) VALUES ('" +
                    std::string(key) + "', sha256(''), gen_random_uuid())");
    };
    work_ = std::make_unique<pqxx::work>(other_);
    take("a");
    auto replies =
        std::async(std::launch::async, [&, batch = std::vector<NewJob>{keyed("b"), keyed("a")}] {
            return store_->job_insert(batch).value();
        });
    wait_for_a_waiter();
    work_->exec("SET LOCAL lock_timeout = '100 ms'");
    take("b");
    first_commits();
    for (const auto& reply : replies.get()) EXPECT_TRUE(reply.replayed);
}

TEST_F(Races, ADutyIsLedByOneAtATime) {
    work_ = std::make_unique<pqxx::work>(other_);
    work_->exec("SELECT pg_advisory_xact_lock(7723401, 4)");
    const auto page = store_->keeper_rescue({}).value();
    EXPECT_FALSE(page.led);
    EXPECT_TRUE(store_->keeper_release(10).value().led) << "duties do not hinder each other";
    first_commits();
    EXPECT_TRUE(store_->keeper_rescue({}).value().led);
}

TEST_F(Races, APartialOfAJobThatCompletedMeanwhileIsNotKept) {
    const auto attempt = jobs_->claim(worker_, jobs_->insert());
    first_completes(attempt);
    EXPECT_TRUE(second([&] { return store_->partial_save(worker_, {{attempt, 1, "text"}}); }));
    EXPECT_EQ(value("SELECT count(*) FROM job_partials"), "0");
}

TEST_F(Races, APartialThatWasBeingSavedDoesNotOutliveItsAttempt) {
    const auto attempt = jobs_->claim(worker_, jobs_->insert());
    ArrayParameter epochs(Element::kInt8);
    epochs.add(attempt.epoch);
    first("partial_save", worker_.uuid().str(), ids({attempt.job}), parameter(epochs),
          parameter(epochs), parameter(text_array({"text"})));
    const auto replies =
        second([&] { return store_->job_settle(worker_, {completed(attempt)}).value(); });
    EXPECT_TRUE(replies.at(0).accepted);
    const auto running = jobs_->claim(worker_, jobs_->insert());
    ASSERT_TRUE(store_->partial_save(worker_, {{running, 1, "text"}}));
    EXPECT_EQ(store_->partial_purge(10).value(), 1);
    EXPECT_EQ(value("SELECT id FROM job_partials"), running.job.uuid().str());
}

}  // namespace
}  // namespace millrace::test

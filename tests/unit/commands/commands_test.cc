#include "producer/commands/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "producer/reads/database_clock.h"
#include "tests/support/faulty_job_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_job_store.h"
#include "tests/support/new_job.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/gateway/fakes.h"

namespace millrace::commands {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class CommandsTest : public testing::Test {
 protected:
    CommandsTest() {
        (void)memory_.queue_register({"default"});
        commands_.step();  // The first look at models.
    }

    JobId insert() {
        const auto job = test::new_job(JobId(ids_.next(milliseconds(1))), test::a_spec());
        EXPECT_TRUE(memory_.job_insert({job}).has_value());
        return job.id;
    }
    WorkerId worker() {
        storage::WorkerInfo worker;
        worker.id = WorkerId(ids_.next(milliseconds(1)));
        worker.queues = {"default"};
        worker.models = {"echo"};
        EXPECT_TRUE(memory_.worker_register(worker).has_value());
        return worker.id;
    }
    void cancel(JobId id) {
        commands_.cancel(id, [this](Result<storage::JobRecord> answer) {
            cancelled_.push_back(std::move(answer));
        });
    }
    service::Readiness readiness() {
        std::optional<service::Readiness> answer;
        commands_.readiness([&](service::Readiness readiness) { answer = std::move(readiness); });
        commands_.step();
        return answer.value();
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
    reads::ModelRegistry models_{{"default"}, {"configured"}};
    reads::DatabaseClock database_clock_{clock_};
    Status schema_ = ok();
    // These tests retry nothing: see retries_test.cc.
    Retries retries_{{}, [](const auto&, const auto&) {}};
    Commands commands_{{.queue_max = 10}, clock_,  store_,          announcer_,
                       retries_,          models_, database_clock_, [this] { return schema_; }};
    std::vector<Result<storage::JobRecord>> cancelled_;
};

TEST_F(CommandsTest, CancellingAQueuedJobEndsItAndNotifiesWaiters) {
    const auto job = insert();
    int notices = 0;
    const auto subscription = hub_.watch(job, [&](const service::JobNotice&) { ++notices; });
    cancel(job);
    commands_.step();
    EXPECT_EQ(cancelled_.at(0)->state, JobState::kCancelled);
    EXPECT_EQ(notices, 1);
    EXPECT_THAT(publisher_.values_of("t.events"), SizeIs(1));
    EXPECT_THAT(publisher_.values_of("t.control"), IsEmpty());
}

TEST_F(CommandsTest, CancellingARunningJobNotifiesItsWorker) {
    const auto job = insert();
    const auto holder = worker();
    ASSERT_THAT(memory_.job_claim(holder, {job}).value(), SizeIs(1));
    cancel(job);
    commands_.step();
    EXPECT_EQ(cancelled_.at(0)->state, JobState::kCancelling);
    const auto orders = publisher_.values_of("t.control");
    ASSERT_THAT(orders, SizeIs(1));
    const auto order = std::get<wire::CancelAttempt>(wire::decode_control(orders[0]).value());
    EXPECT_EQ(order.key, (AttemptKey{job, 1}));
    EXPECT_EQ(order.worker, holder);
    EXPECT_THAT(publisher_.values_of("t.events"), IsEmpty());
}

TEST_F(CommandsTest, RetriesWaitWhileTheSpecsOfOthersAreInMemory) {
    std::vector<std::function<void()>> commits;
    Retries retries{{.bytes_max = 1}, [&](const auto&, const auto& done) {
                        commits.push_back([done] { done({service::SubmitReply{}}); });
                    }};
    Commands commands{{.queue_max = 10}, clock_,  store_,          announcer_,
                      retries,           models_, database_clock_, [this] { return schema_; }};
    int answers = 0;
    for (int i = 0; i < 3; ++i) {
        const auto job = insert();
        EXPECT_TRUE(memory_.job_cancel({job}).has_value());
        commands.retry(job, [&](const Result<service::RetryPage>& page) {
            EXPECT_TRUE(page->jobs.at(0).retry);
            ++answers;
        });
    }
    for (int i = 1; i <= 3; ++i) {
        while (commands.step()) {
        }
        EXPECT_EQ(store_.calls("job_specs"), i);
        ASSERT_THAT(commits, SizeIs(i));
        commits.back()();
        EXPECT_EQ(answers, i);
    }
}

TEST_F(CommandsTest, CancelsThatWaitShareAStatement) {
    const auto job = insert();
    cancel(job);
    cancel(insert());
    cancel(job);
    cancel(JobId(ids_.next(milliseconds(2))));
    commands_.step();
    EXPECT_EQ(store_.calls("job_cancel"), 1);
    ASSERT_THAT(cancelled_, SizeIs(4));
    EXPECT_EQ(cancelled_[2]->state, JobState::kCancelled);
    EXPECT_EQ(cancelled_[3].error().code, ErrorCode::kNotFound);
}

TEST_F(CommandsTest, AFinalJobStaysAsItIs) {
    const auto job = insert();
    cancel(job);
    cancel(job);
    commands_.step();
    cancel(job);
    commands_.step();
    EXPECT_EQ(cancelled_.at(2)->state, JobState::kCancelled);
}

TEST_F(CommandsTest, ReadinessNamesWhatIsMissing) {
    auto answer = readiness();
    EXPECT_TRUE(answer.store_commits);
    EXPECT_TRUE(answer.schema_current);
    EXPECT_FALSE(answer.workers_consume);
    EXPECT_THAT(answer.detail, testing::HasSubstr("no worker"));

    worker();
    clock_.advance(milliseconds(1000));
    EXPECT_TRUE(readiness().workers_consume);

    clock_.advance(milliseconds(30000));  // The worker has fallen silent.
    EXPECT_FALSE(readiness().workers_consume);

    schema_ = Error{ErrorCode::kConflict, "run millrace migrate"};
    store_.set_down(true);
    clock_.advance(milliseconds(1000));
    answer = readiness();
    EXPECT_FALSE(answer.store_commits);
    EXPECT_FALSE(answer.schema_current);
    EXPECT_THAT(answer.detail, testing::HasSubstr("run millrace migrate"));
}

class ModelsTest : public CommandsTest {
 protected:
    void ask(const std::string& model) {
        commands_.model_known("default", model, [this](bool known) { known_.push_back(known); });
    }
    std::vector<bool> known_;
};

TEST_F(ModelsTest, AKnownModelIsAnsweredWithinTheCall) {
    ask("configured");
    EXPECT_THAT(known_, ElementsAre(true));
}

TEST_F(ModelsTest, AModelAnnouncedAMomentAgoIsFoundByTheNextLookup) {
    worker();
    ask("echo");
    ask("nobody");
    commands_.step();
    EXPECT_THAT(known_, IsEmpty());
    clock_.advance(milliseconds(1000));
    commands_.step();
    EXPECT_THAT(known_, ElementsAre(true, false));
    EXPECT_THAT(models_.models("default"), ElementsAre("configured", "echo"));
}

TEST_F(ModelsTest, KnowsWhichModelsHaveNoWorker) {
    EXPECT_FALSE(models_.has_worker("default", "configured"));
    EXPECT_TRUE(
        models_.has_worker("elsewhere", "configured"));  // This gateway does not look there.
    const auto only = worker();
    clock_.advance(milliseconds(1000));
    commands_.step();
    EXPECT_TRUE(models_.has_worker("default", "echo"));
    ASSERT_TRUE(memory_.worker_stop(only).has_value());
    clock_.advance(milliseconds(1000));
    commands_.step();
    EXPECT_FALSE(models_.has_worker("default", "echo"));
    EXPECT_TRUE(models_.known("default", "echo"));
}

TEST_F(ModelsTest, NoJobIsRefusedIfTheLookupFails) {
    ask("nobody");
    commands_.step();
    store_.set_down(true);
    clock_.advance(milliseconds(1000));
    commands_.step();
    EXPECT_THAT(known_, ElementsAre(true));
}

TEST_F(ModelsTest, StoppingAnswersQuestionsAboutModels) {
    ask("nobody");
    commands_.close();
    commands_.run();
    EXPECT_THAT(known_, ElementsAre(false));
}

TEST_F(CommandsTest, TheDatabasesClockIsKnownWithoutAsking) {
    clock_.step_wall(std::chrono::hours(5));
    clock_.advance(milliseconds(1000));
    commands_.step();
    const auto before = database_clock_.now();
    clock_.advance(milliseconds(250));
    EXPECT_EQ(database_clock_.now() - before, milliseconds(250));
    EXPECT_EQ(std::chrono::duration_cast<milliseconds>(database_clock_.now().time_since_epoch()),
              memory_.database_time());
}

TEST_F(CommandsTest, RefusesWhenTooManyWait) {
    const auto job = insert();
    for (int i = 0; i < 11; ++i) cancel(job);
    ASSERT_THAT(cancelled_, SizeIs(1));
    EXPECT_EQ(cancelled_[0].error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace millrace::commands

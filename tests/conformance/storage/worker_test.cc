// The life of a worker's incarnation, as the store sees it.
#include "tests/conformance/storage/store_test.h"

namespace millrace::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class Workers : public StoreTest {
 protected:
    bool beats(WorkerId worker) { return store_->worker_heartbeat(worker).value().alive; }
    WorkerRecord record(WorkerId id) {
        for (const auto& worker : store_->worker_list().value()) {
            if (worker.info.id == id) return worker;
        }
        ADD_FAILURE() << "not listed";
        return {};
    }
    // Returns "queue model" of each model, or only of those that some worker serves.
    std::vector<std::string> models(bool only_served = false) {
        std::vector<std::string> names;
        for (const auto& known : store_->model_list().value()) {
            if (known.has_worker || !only_served) names.push_back(known.queue + ' ' + known.model);
        }
        return names;
    }
    std::vector<std::string> served() { return models(true); }
    WorkerPulse pulse(WorkerId id) {
        for (const auto& found : store_->worker_pulses().value()) {
            if (found.id == id) return found;
        }
        return {};
    }
};

TEST_P(Workers, AreListedAsTheyRegistered) {
    insert_claimed();
    const auto worker = record(worker_);
    EXPECT_EQ(worker.info.name, "gpu-1");
    EXPECT_EQ(worker.info.host, "host");
    EXPECT_EQ(worker.info.pid, 42);
    EXPECT_EQ(worker.info.slots, 4);
    EXPECT_THAT(worker.info.queues, ElementsAre("default"));
    EXPECT_THAT(worker.info.models, ElementsAre("echo"));
    EXPECT_EQ(worker.state, WorkerState::kAlive);
    EXPECT_EQ(worker.active, 1);
    EXPECT_LT(worker.heartbeat_age, 60s);
    pass(60s);
    EXPECT_GE(record(worker_).heartbeat_age, 60s);
}

TEST_P(Workers, AnnounceTheirDevicesAndTheirModelsForGood) {
    WorkerInfo worker{.id = WorkerId(new_id()),
                      .queues = {"default", "gpu"},
                      .models = {"echo", "with \"quotes\", and {braces}"},
                      .devices = {"process:0+cpu:0-3", "process:MIG-1"}};
    ASSERT_TRUE(store_->worker_register(worker));
    EXPECT_THAT(record(worker.id).info.devices, ElementsAre("process:0+cpu:0-3", "process:MIG-1"));
    EXPECT_THAT(record(worker_).info.devices, IsEmpty());
    EXPECT_THAT(record(worker.id).info.models,
                ElementsAre("echo", "with \"quotes\", and {braces}"));
    ASSERT_TRUE(store_->worker_stop(worker.id));
    EXPECT_THAT(models(), UnorderedElementsAre("default echo", "gpu echo",
                                               "default with \"quotes\", and {braces}",
                                               "gpu with \"quotes\", and {braces}"));
}

TEST_P(Workers, MayGetOtherModelsWhileTheyLive) {
    ASSERT_TRUE(store_->worker_announce(worker_, {"second", "third"}));
    EXPECT_THAT(record(worker_).info.models, ElementsAre("second", "third"));
    EXPECT_THAT(served(), UnorderedElementsAre("default second", "default third"));
    ASSERT_TRUE(store_->worker_announce(worker_, {"second"}));
    EXPECT_THAT(served(), UnorderedElementsAre("default second"));
    EXPECT_THAT(models(), UnorderedElementsAre("default echo", "default second", "default third"));
    lose(worker_);
    ASSERT_TRUE(store_->worker_announce(worker_, {"fourth"}));
    EXPECT_THAT(record(worker_).info.models, ElementsAre("second"));
    EXPECT_THAT(models(), SizeIs(3));
}

TEST_P(Workers, ServeTheirModelsWhileTheyTakeJobs) {
    const auto add = [&](const std::string& queue, std::vector<std::string> models) {
        const WorkerInfo worker{
            .id = WorkerId(new_id()), .queues = {queue}, .models = std::move(models)};
        EXPECT_TRUE(store_->worker_register(worker));
        return worker.id;
    };
    ASSERT_TRUE(store_->worker_stop(worker_));
    const auto small = add("default", {"small"});
    const auto both = add("default", {"small", "large"});
    const auto other = add("gpu", {"large"});
    EXPECT_THAT(served(), UnorderedElementsAre("default small", "default large", "gpu large"));
    ASSERT_TRUE(store_->worker_drain(both));
    EXPECT_THAT(served(), UnorderedElementsAre("default small", "gpu large"));
    lose(other);
    EXPECT_THAT(served(), UnorderedElementsAre("default small"));
    ASSERT_TRUE(store_->worker_stop(small));
    EXPECT_THAT(served(), IsEmpty());
    EXPECT_THAT(models(), SizeIs(4));
}

TEST_P(Workers, AreRefusedForAQueueThatIsUnknown) {
    const auto registered = store_->worker_register(
        {.id = WorkerId(new_id()), .queues = {"default", "nowhere"}, .models = {"echo"}});
    EXPECT_EQ(registered.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(store_->worker_list().value(), SizeIs(1));
}

TEST_P(Workers, BeatUntilTheyAreLost) {
    EXPECT_TRUE(beats(worker_));
    lose(worker_);
    EXPECT_FALSE(beats(worker_));
    EXPECT_EQ(record(worker_).state, WorkerState::kLost);
    EXPECT_FALSE(beats(WorkerId(new_id()))) << "unknown";
}

TEST_P(Workers, AreNotLostWhenTheyBeatMeanwhile) {
    const auto seen = pulse(worker_);
    EXPECT_TRUE(beats(worker_));
    ASSERT_TRUE(store_->worker_mark_lost({seen}, false, {}));
    EXPECT_TRUE(beats(worker_));
    EXPECT_GT(pulse(worker_).heartbeats, seen.heartbeats);
}

TEST_P(Workers, AreNeverRevived) {
    const auto info = record(worker_).info;
    lose(worker_);
    ASSERT_TRUE(store_->worker_drain(worker_));
    EXPECT_EQ(record(worker_).state, WorkerState::kLost);
    EXPECT_FALSE(beats(worker_));
}

TEST_P(Workers, KeepTheirLeaseWhileTheyDrain) {
    const auto attempt = insert_claimed();
    ASSERT_TRUE(store_->worker_drain(worker_));
    EXPECT_EQ(record(worker_).state, WorkerState::kDraining);
    EXPECT_TRUE(beats(worker_));
    EXPECT_EQ(settle(completed(attempt)), JobState::kCompleted);
}

TEST_P(Workers, CountTheJobsThatTheyHold) {
    const auto a = insert_claimed();
    const auto b = insert_claimed();
    settle(completed(insert_claimed()));
    claim(add_worker(), insert());
    EXPECT_THAT(store_->worker_active(worker_).value(), UnorderedElementsAre(a, b));
    EXPECT_EQ(store_->worker_heartbeat(worker_).value().active, 2);
    EXPECT_THAT(store_->worker_heartbeat(worker_).value().cancelling, IsEmpty());
}

TEST_P(Workers, HaveAPulseOnlyWhileTheyLive) {
    const auto draining = add_worker();
    ASSERT_TRUE(store_->worker_drain(draining));
    ASSERT_TRUE(store_->worker_stop(add_worker()));
    lose(add_worker());
    std::vector<WorkerId> pulses;
    for (const auto& found : store_->worker_pulses().value()) pulses.push_back(found.id);
    EXPECT_THAT(pulses, UnorderedElementsAre(worker_, draining));
}

TEST_P(Workers, AreForgottenLongAfterTheirEnd) {
    const auto stopped = add_worker();
    ASSERT_TRUE(store_->worker_stop(stopped));
    EXPECT_EQ(store_->worker_purge(3600s, 10).value(), 0);
    pass(2h);
    EXPECT_EQ(store_->worker_purge(3600s, 10).value(), 1);
    EXPECT_THAT(store_->worker_list().value(), SizeIs(1));
}

TEST_P(Workers, AreNotForgottenWhileTheyHoldJobs) {
    const auto attempt = insert_claimed();
    lose(worker_);
    pass(2h);
    EXPECT_EQ(store_->worker_purge(3600s, 10).value(), 0);
    ASSERT_THAT(store_->keeper_rescue({}).value().moved, SizeIs(1));
    EXPECT_EQ(store_->worker_purge(3600s, 10).value(), 1);
    EXPECT_EQ(get(attempt.job).attempts.at(0).worker, worker_);
}

TEST_P(Workers, AreForgottenPageByPage) {
    for (int i = 0; i < 3; ++i) lose(add_worker());
    pass(2h);
    EXPECT_EQ(store_->worker_purge(3600s, 2).value(), 2);
    EXPECT_EQ(store_->worker_purge(3600s, 2).value(), 1);
}

MILLRACE_STORE_SUITE(Workers);

}  // namespace
}  // namespace millrace::test

// Claiming and reconciling, the life of an incarnation and its drain, in a worker made of fakes.
#include "worker/execute/claimer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/worker/harness.h"

namespace millrace::execute {
namespace {

using std::chrono::seconds;
using test::Harness;
using testing::ElementsAre;
using testing::SizeIs;

TEST(Claimer, ClaimsNothingWithoutALease) {
    Harness h;
    const auto job = h.submit();
    h.store.fail_before("worker_register", ErrorCode::kUnavailable);
    h.run();
    EXPECT_EQ(h.store.calls("job_claim") + h.store.calls("job_steal"), 0);
    h.run_for(seconds(1));
    EXPECT_TRUE(h.backend.runs(job));
}

TEST(Claimer, ClaimsNothingOnceTheLeaseHasLapsedButContinuesRunningJobs) {
    Harness h;
    const auto running = h.submit();
    h.run();
    for (int i = 0; i < 100; ++i) {
        h.store.fail_before("worker_heartbeat", ErrorCode::kUnavailable);
    }
    h.run_for(seconds(26));
    const auto claims = h.store.calls("job_claim");
    h.submit();
    h.run_for(seconds(2));
    EXPECT_EQ(h.store.calls("job_claim"), claims);
    EXPECT_TRUE(h.backend.runs(running));
    EXPECT_TRUE(h.backend.aborts().empty());
}

TEST(Claimer, ClaimsWhileStealingFails) {
    Harness h;
    h.run();
    for (int i = 0; i < 100; ++i) h.store.fail_before("job_steal", ErrorCode::kUnavailable);
    h.run_for(seconds(2));
    const auto job = h.submit();
    h.run();
    EXPECT_TRUE(h.backend.runs(job));
}

TEST(Claimer, CountsTheLeaseFromTheInstantTheRenewalWasSent) {
    Lease lease({.ttl = seconds(30), .margin = seconds(5)});
    const MonoTime sent{};
    const WorkerId worker(Uuid{{1}});
    lease.renew(worker, sent);
    EXPECT_EQ(lease.live(sent + seconds(24)), worker);
    EXPECT_FALSE(lease.live(sent + seconds(25)));
    lease.renew(worker, sent + seconds(10));
    EXPECT_TRUE(lease.live(sent + seconds(34)));
    lease.revoke();
    EXPECT_FALSE(lease.live(sent + seconds(11)));
    EXPECT_EQ(lease.worker(), worker);
}

TEST(Claimer, RunsAConfinedJobWithNothingBesideIt) {
    Harness h({.slots = 4});
    const auto suspect = h.submit_silently();
    const auto next = h.submit_silently();
    for (const auto& job : {suspect, suspect, next, next}) h.lose_once(job);
    h.run_for(seconds(1));
    const auto before = h.submit();
    h.run();
    ASSERT_TRUE(h.backend.runs(before));
    h.run_for(seconds(5));  // The heartbeat says that it waits.
    const auto after = h.submit();
    h.run_for(seconds(5));
    EXPECT_FALSE(h.backend.runs(suspect));
    EXPECT_FALSE(h.backend.runs(after));

    h.backend.complete(h.backend.key_of(before));
    h.run();
    EXPECT_TRUE(h.backend.runs(suspect));
    h.run_for(seconds(10));
    EXPECT_FALSE(h.backend.runs(after));

    h.backend.complete(h.backend.key_of(suspect));
    h.run();
    EXPECT_TRUE(h.backend.runs(after)) << "others have their turn in between";
    h.run_for(seconds(6));
    EXPECT_FALSE(h.backend.runs(next));
    h.backend.complete(h.backend.key_of(after));
    h.run();
    EXPECT_TRUE(h.backend.runs(next));
}

TEST(Claimer, SkipsJobsThatAreGoneAndFinishesTheirMessages) {
    Harness h;
    const auto cancelled = h.submit();
    (void)h.store.job_cancel({cancelled});
    const auto twice = h.submit();
    h.send_message(twice, Harness::spec());
    h.run();
    EXPECT_EQ(h.backend.running().size(), 1U);
    EXPECT_EQ(h.subscriber.done_up_to(h.topics.jobs("default", Priority::kNormal)), 2);
}

TEST(Claimer, ReadsSpecsThatDidNotComeWithTheMessage) {
    Harness h;
    const auto topic = h.topics.jobs("default", Priority::kNormal);
    const auto job = h.submit_silently();
    h.subscriber.add(topic, wire::encode(wire::Dispatch{.job = job, .spec = {}}));
    auto foreign = Harness::spec();
    foreign.model = "somebody-else's";
    const auto other = h.submit_silently(foreign);
    h.subscriber.add(topic, wire::encode(wire::Dispatch{.job = other, .spec = {}}));
    h.run();
    EXPECT_TRUE(h.backend.runs(job));
    EXPECT_EQ(h.state(other), JobState::kQueued);
    EXPECT_EQ(h.subscriber.done_up_to(topic), 1);
}

TEST(Claimer, KeepsItsCandidatesThroughAnOutage) {
    Harness h;
    h.run();
    const auto job = h.submit();
    h.store.fail_before("job_claim", ErrorCode::kUnavailable);
    h.run();
    EXPECT_TRUE(h.backend.running().empty());
    EXPECT_EQ(h.subscriber.done_up_to(h.topics.jobs("default", Priority::kNormal)), -1);
    h.run_for(milliseconds(300));
    EXPECT_TRUE(h.backend.runs(job));
}

TEST(Claimer, HandsBackJobsOfAClaimWithoutAnAnswer) {
    Harness h;
    h.run();
    const auto job = h.submit();
    h.store.fail_after("job_claim", ErrorCode::kOutcomeUnknown);
    h.run();
    EXPECT_EQ(h.state(job), JobState::kInProgress);
    h.run_for(seconds(5));
    EXPECT_EQ(h.ended(job), 1);
    EXPECT_TRUE(h.backend.runs(job));  // By its message or stolen, under a new epoch.
    EXPECT_EQ(h.backend.key_of(job).epoch, 2);
}

TEST(Claimer, ReconcilesWhenTheStoreCountsMoreTwice) {
    Harness h;
    h.run();
    const auto job = h.submit_silently();
    (void)h.memory.job_claim(h.lease.worker(), {job});
    h.run_for(seconds(6));
    EXPECT_EQ(h.store.calls("worker_active"), 0);
    h.run_for(seconds(8));
    EXPECT_EQ(h.store.calls("worker_active"), 1);
    EXPECT_EQ(h.ended(job), 1);
}

TEST(Claimer, ClaimsAWholeBatchAtOnce) {
    Harness h({.slots = 1, .batch_max = 600, .lane_buffer_max = 1000});
    for (int i = 0; i < 600; ++i) h.submit();
    h.run();
    EXPECT_THAT(h.backend.batches(), ElementsAre(SizeIs(600)));
}

// --- The life of an incarnation -----------------------------------------------------------------

TEST(LeaseKeeper, ContinuesAsANewIncarnationAfterItWasDeclaredLost) {
    Harness h;
    const auto job = h.submit();
    h.run();
    const auto first = h.lease.worker();
    h.mark_lost(first);
    h.run_for(seconds(6));
    ASSERT_EQ(h.backend.aborts().size(), 1U);
    EXPECT_EQ(h.backend.aborts()[0].second, backends::AbortReason::kInterrupted);
    EXPECT_NE(h.lease.worker(), first);
    EXPECT_TRUE(h.lease.live(h.clock.now()));
    // The job was handed back under the old fence, and claimed under the new one.
    EXPECT_EQ(h.record(job).attempts.front().outcome, OutcomeKind::kInterrupted);
    h.run_for(seconds(2));
    EXPECT_TRUE(h.backend.runs(job));
    EXPECT_EQ(h.record(job).worker, h.lease.worker());
}

TEST(LeaseKeeper, TheHeartbeatBringsCancels) {
    Harness h;
    const auto job = h.submit();
    h.run();
    (void)h.store.job_cancel({job});
    h.run_for(seconds(6));
    EXPECT_EQ(h.state(job), JobState::kCancelled);
}

// The store may take longer for them than the lease lives.
TEST(LeaseKeeper, SavesNoCheckpoints) {
    Harness h({.slots = 3, .checkpoints = {.count_max = 1}});
    std::vector<JobId> jobs;
    for (int i = 0; i < 3; ++i) jobs.push_back(h.submit());
    h.run();
    for (const auto& job : jobs) h.backend.sink().partial(h.backend.key_of(job), "text");
    h.events.step();
    h.clock.advance(seconds(6));
    h.lease_keeper.step();
    EXPECT_TRUE(h.store.saved.empty());
    h.checkpoints.step();
    EXPECT_EQ(h.store.saved, (std::vector<std::size_t>{1, 1, 1}));
}

// A single name that cannot be stored would keep the worker from ever being ready.
TEST(LeaseKeeper, AnnouncesOnlyTextThatCanBeStored) {
    using namespace std::string_literals;
    Harness h;
    Lease lease({.ttl = seconds(30), .margin = seconds(1)});
    LeaseKeeper keeper(h.store, lease, h.executor, h.clock, h.random,
                       {.info = {.name = "gpu\xE9",
                                 .host = "h\0"s,
                                 .queues = {"default"},
                                 .models = {"fine"},
                                 .devices = {"d\xFF"}}},
                       {.reconcile = [] {}, .make_way = [](bool) {}});
    keeper.step();
    EXPECT_TRUE(lease.live(h.clock.now()));
    const auto workers = h.memory.worker_list().value();
    const auto found = std::ranges::find(workers, lease.worker(),
                                         [](const auto& worker) { return worker.info.id; });
    ASSERT_NE(found, workers.end());
    EXPECT_EQ(found->info.name, "gpu\uFFFD");
    EXPECT_EQ(found->info.host, "h\uFFFD");
    EXPECT_EQ(found->info.models, std::vector<std::string>{"fine"});
    EXPECT_EQ(found->info.devices, std::vector<std::string>{"d\uFFFD"});
}

TEST(LeaseKeeper, SignsOff) {
    Harness h;
    h.run();
    h.lease_keeper.say_goodbye();
    EXPECT_EQ(h.worker_state(h.lease.worker()), storage::WorkerState::kStopped);
    EXPECT_FALSE(h.lease.live(h.clock.now()));
}

// --- Drain --------------------------------------------------------------------------------------

TEST(Drain, LetsRunningJobsFinishAndTakesNoMore) {
    Harness h;
    const auto running = h.submit();
    h.run();
    h.claimer.stop();
    h.lease_keeper.ask_to_drain();
    Drain drain(h.executor, h.clock, {.timeout = seconds(30)});
    const auto late = h.submit();
    h.run_for(seconds(10));
    EXPECT_FALSE(drain.step());
    EXPECT_EQ(h.worker_state(h.lease.worker()), storage::WorkerState::kDraining);
    EXPECT_EQ(h.state(late), JobState::kQueued);
    h.backend.complete_all();
    h.run();
    EXPECT_TRUE(drain.step());
    EXPECT_EQ(h.state(running), JobState::kCompleted);
}

TEST(Drain, HandsBackJobsThatDoNotFinishInTime) {
    Harness h;
    const auto job = h.submit();
    h.run();
    h.claimer.stop();
    Drain drain(h.executor, h.clock, {.timeout = seconds(30)});
    h.run_for(seconds(31));
    EXPECT_FALSE(drain.step());
    h.run();
    EXPECT_TRUE(drain.step());
    EXPECT_EQ(h.state(job), JobState::kQueued);
    EXPECT_EQ(h.record(job).failures, 0);
}

TEST(Drain, HurriesAtTheSecondRequest) {
    Harness h;
    const auto job = h.submit();
    h.run();
    h.claimer.stop();
    Drain drain(h.executor, h.clock, {.timeout = seconds(3600)});
    EXPECT_FALSE(drain.step());
    drain.hurry();
    EXPECT_FALSE(drain.step());
    h.run();
    EXPECT_TRUE(drain.step());
    EXPECT_EQ(h.state(job), JobState::kQueued);
}

TEST(Drain, DoesNotWaitForeverForTheStore) {
    Harness h;
    h.submit();
    h.run();
    h.claimer.stop();
    Drain drain(h.executor, h.clock, {.timeout = seconds(0), .hand_back_timeout = seconds(10)});
    h.store.set_down(true);
    EXPECT_FALSE(drain.step());
    h.run_for(seconds(9));
    EXPECT_FALSE(drain.step());
    h.run_for(seconds(2));
    EXPECT_TRUE(drain.step());
}

}  // namespace
}  // namespace millrace::execute

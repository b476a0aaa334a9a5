// What ARCHITECTURE.md promises (invariants 1 and 2), kept when something dies: nothing is lost,
// nothing finishes twice.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/e2e/stack.h"
#include "tests/support/eventually.h"

namespace millrace::test {
namespace {

TEST(Faults, AJobWhoseWorkerIsKilledIsFinishedByAnotherOnce) {
    Stack stack({.workers = 2});
    const auto id = stack.submit(synthetic_job({{"fail", "hang"}, {"fail_attempts", 1}}));
    stack.wait_until_status(id, "in_progress");
    const auto first = stack.worker_of(id);
    stack.worker(first).kill();

    const auto done = stack.wait_until_final(id);
    EXPECT_EQ(done["status"], "completed");
    EXPECT_EQ(done["attempt"], 2);
    EXPECT_NE(stack.worker_of(id), first);
    const auto history = stack.call("GET", "/v1/jobs/" + id + "?include=attempts")["attempts"];
    ASSERT_EQ(history.size(), 2U);
    EXPECT_EQ(history[0]["outcome"], "lost");
    EXPECT_EQ(history[1]["outcome"], "completed");
}

TEST(Faults, AJobThatKillsItsWorkersIsQuarantined) {
    Stack stack({.workers = 2, .settings = {{"job.max_losses", "2"}}});
    const auto id = stack.submit(synthetic_job({{"fail", "crash"}}));
    const auto done = stack.wait_until_final(id);
    EXPECT_EQ(done["status"], "failed");
    EXPECT_EQ(done["error"]["code"], "worker_lost");
}

// They run beside it in other slots, and are lost with each of its workers until it is confined.
TEST(Faults, AJobThatKillsItsWorkersEndsNoneOfItsNeighbours) {
    Stack stack({.workers = 1, .settings = {{"job.max_losses", "2"}}});
    const auto guilty = stack.submit(synthetic_job({{"ms", 1000}, {"fail", "crash"}}));
    Json jobs = Json::array();
    for (int i = 0; i < 3; ++i) jobs.push_back(synthetic_job({{"ms", 2000}}));
    const auto innocent = stack.submit_many(jobs);
    std::size_t last = 0;
    const auto is_over = [&] {
        if (!stack.worker(last).running()) last = stack.start_worker();
        const auto is_final = [&](const std::string& id) {
            return !stack.job(id)["completed_at"].is_null();
        };
        return is_final(guilty) && std::ranges::all_of(innocent, is_final);
    };
    EXPECT_TRUE(eventually(is_over, "all jobs are over", std::chrono::minutes(2)));
    EXPECT_EQ(stack.job(guilty)["error"]["code"], "worker_lost");
    for (const auto& id : innocent) EXPECT_EQ(stack.job(id)["status"], "completed");
}

TEST(Faults, AllQueuedJobsFinishAlthoughTheBrokerLosesEverything) {
    Stack stack({.workers = 0, .settings = {{"models", "synthetic"}}});
    Json jobs = Json::array();
    for (int i = 0; i < 1000; ++i) jobs.push_back(synthetic_job());
    const auto ids = stack.submit_many(jobs);
    stack.lose_broker();
    stack.start_worker();
    for (const auto& id : ids) EXPECT_EQ(stack.wait_until_final(id)["status"], "completed");
}

TEST(Faults, ALongJobAtTheHeadOfTheOnlyPartitionDelaysNoOther) {
    Stack stack({.workers = 4,
                 .settings = {{"kafka.partitions", "1"},
                              {"worker.slots", "1"},
                              {"backend.synthetic.batch_max", "1"},
                              {"backend.synthetic.slots", "1"}}});
    const auto head = stack.submit(synthetic_job({{"ms", 60'000}}));
    stack.wait_until_status(head, "in_progress");
    Json jobs = Json::array();
    for (int i = 0; i < 20; ++i) jobs.push_back(synthetic_job({{"ms", 10}}));
    for (const auto& id : stack.submit_many(jobs)) {
        EXPECT_EQ(stack.wait_until_final(id)["status"], "completed");
    }
    EXPECT_EQ(stack.job(head)["status"], "in_progress");
    stack.cancel(head);
}

TEST(Faults, AWorkerThatIsStoppedHandsItsJobsBack) {
    Stack stack({.workers = 1, .settings = {{"worker.drain_timeout", "200ms"}}});
    const auto id = stack.submit(synthetic_job({{"fail", "hang"}, {"fail_attempts", 1}}));
    stack.wait_until_status(id, "in_progress");
    EXPECT_TRUE(stack.worker(0).terminate(std::chrono::seconds(30)).ok());
    EXPECT_TRUE(eventually(
        [&] {
            const auto wait = stack.job(id)["wait"];
            return wait.is_object() && wait["reason"] == "no_workers";
        },
        "the job says that nobody is there for it"));
    stack.start_worker();
    const auto done = stack.wait_until_final(id);
    EXPECT_EQ(done["status"], "completed");
    EXPECT_EQ(stack.worker_of(id), 1U);
    const auto history = stack.call("GET", "/v1/jobs/" + id + "?include=attempts")["attempts"];
    EXPECT_EQ(history[0]["outcome"], "interrupted");
}

TEST(Faults, AGatewayThatIsKilledLosesNoAcceptedJob) {
    Stack stack;
    Json jobs = Json::array();
    for (int i = 0; i < 200; ++i) jobs.push_back(synthetic_job({{"ms", 5}}));
    const auto ids = stack.submit_many(jobs);
    stack.restart_gateway();
    for (const auto& id : ids) EXPECT_EQ(stack.wait_until_final(id)["status"], "completed");
}

TEST(Faults, ALateWorkersResultIsRefused) {
    Stack stack({.workers = 2});
    const auto id = stack.submit(synthetic_job({{"ms", 3000}}));
    stack.wait_until_status(id, "in_progress");
    const auto first = stack.worker_of(id);
    stack.worker(first).send(SIGSTOP);
    const auto moved = [&] { return stack.job(id)["attempt"] == 2; };
    EXPECT_TRUE(eventually(moved, "another worker took it", std::chrono::minutes(1)));
    stack.worker(first).send(SIGCONT);
    const auto done = stack.wait_until_final(id);
    EXPECT_EQ(done["status"], "completed");
    EXPECT_EQ(done["attempt"], 2);
    EXPECT_NE(stack.worker_of(id), first);
}

}  // namespace
}  // namespace millrace::test

// Lanes over the whole system: an urgent job does not wait for less urgent ones that take all
// slots.
#include <gtest/gtest.h>

#include "tests/e2e/stack.h"

namespace millrace::test {
namespace {

Json job_of(const std::string& priority, const Json& behaviour) {
    auto job = synthetic_job(behaviour);
    job["priority"] = priority;
    return job;
}

TEST(Lanes, AnUrgentJobGetsASlotOfAFullBackend) {
    Stack stack(
        {.settings = {{"backend.synthetic.slots", "2"}, {"backend.synthetic.batch_max", "1"}}});
    const auto low =
        stack.submit_many({job_of("low", {{"fail", "hang"}}), job_of("low", {{"fail", "hang"}})});
    for (const auto& id : low) stack.wait_until_status(id, "in_progress");
    const auto urgent = stack.submit(job_of("high", Json::object()));
    EXPECT_EQ(stack.wait_until_final(urgent)["status"], "completed");

    int preempted = 0;
    for (const auto& id : low) {
        stack.wait_until_status(id, "in_progress");
        const auto job = stack.call("GET", "/v1/jobs/" + id + "?include=attempts");
        EXPECT_EQ(job["failures"], 0);
        if (job["interruptions"] == 1) {
            ++preempted;
            EXPECT_EQ(job["attempts"][0]["error"]["code"], "preempted");
        }
        stack.cancel(id);
        EXPECT_EQ(stack.wait_until_final(id)["status"], "cancelled");
    }
    EXPECT_EQ(preempted, 1);
}

}  // namespace
}  // namespace millrace::test

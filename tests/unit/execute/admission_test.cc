#include "worker/execute/admission.h"

#include <gtest/gtest.h>

#include "tests/unit/worker/fakes.h"

namespace millrace::execute {
namespace {

using std::chrono::seconds;

// Claimed at 100 s, when the clock shows 103 s.
class AdmissionTest : public testing::Test {
 protected:
    static Start start() {
        return {.job = {{.key = test::attempt_key(1, 2), .remaining = seconds(60)},
                        {{.model = "m"}, "{}", "its key"}},
                .lane = 1};
    }
    Admission admit(Start start) const {
        return admission_of(std::move(start), backend, worker, claimed, now);
    }

    const test::FakeBackend backend{{.name = "fake", .models = {"m"}}};
    const WorkerId worker{Uuid{{9}}};
    const MonoTime claimed{seconds(100)};
    const MonoTime now{seconds(103)};
};

TEST_F(AdmissionTest, TheBackendGetsTheInputAndTheTableDoesNot) {
    const auto [attempt, arrival] = admit(start());
    EXPECT_EQ(arrival.execution.job.spec.input_json, "{}");
    EXPECT_EQ(attempt.terms.model, "m");
    EXPECT_EQ(attempt.claim.key, arrival.execution.job.key);
    EXPECT_EQ(attempt.lane, 1U);
    EXPECT_EQ(attempt.worker, worker);
}

TEST_F(AdmissionTest, AsksTheBackendForTheWeightAndForAKeyThatIsMissing) {
    auto with_key = start();
    with_key.batch_key = "known";
    EXPECT_EQ(admit(with_key).arrival.key, "known");
    EXPECT_EQ(admit(start()).arrival.key, "its key");
    EXPECT_EQ(admit(start()).arrival.weight, 2U);
}

TEST_F(AdmissionTest, TheDeadlineCountsFromTheClaim) {
    const auto [attempt, arrival] = admit(start());
    EXPECT_EQ(attempt.deadline, claimed + seconds(60));
    EXPECT_EQ(arrival.execution.deadline, attempt.deadline);
}

TEST_F(AdmissionTest, TheTimeOfTheClaimDoesNotCountAsArrivingLate) {
    EXPECT_EQ(admit(start()).arrival.arrived, now);
    auto sent = start();
    sent.arrived = MonoTime(seconds(90));
    EXPECT_EQ(admit(sent).arrival.arrived, MonoTime(seconds(93)));
}

}  // namespace
}  // namespace millrace::execute

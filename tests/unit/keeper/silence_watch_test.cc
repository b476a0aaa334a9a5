#include "producer/keeper/silence_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace millrace::keeper {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Workers 0, 1, 2 …; a test decides which of them beat between looks.
class SilenceWatchTest : public testing::Test {
 protected:
    SilenceWatchTest() {
        for (int i = 0; i < 10; ++i) workers_.push_back(WorkerId(ids_.next(milliseconds(1))));
    }

    void start(std::size_t count) {
        pulses_.clear();
        for (std::size_t i = 0; i < count; ++i) pulses_.push_back({workers_[i], 1});
    }
    // Looks once a second; all but the first `silent` workers beat before each look.
    void pass(seconds time, std::size_t silent) {
        for (seconds t{0}; t < time; t += seconds(1)) {
            for (std::size_t i = silent; i < pulses_.size(); ++i) ++pulses_[i].heartbeats;
            now_ += seconds(1);
            watch_.observe(pulses_, now_, now_);
        }
    }

    // Returns, for each silent worker, whether it is a victim of an outage.
    std::vector<bool> in_outage() const {
        std::vector<bool> in_outage;
        for (const auto& worker : watch_.silent()) in_outage.push_back(worker.in_outage);
        return in_outage;
    }

    test::SeededRandom random_;
    UuidGenerator ids_{random_};
    std::vector<WorkerId> workers_;
    std::vector<storage::WorkerPulse> pulses_;
    MonoTime now_{seconds(1000)};
    SilenceWatch watch_{{.ttl = seconds(30), .gap_max = seconds(10)}};
};

TEST_F(SilenceWatchTest, AWorkerIsSilentAfterItsTtlAndNotBefore) {
    start(4);
    pass(seconds(1), 0);
    pass(seconds(29), 1);
    EXPECT_THAT(watch_.silent(), IsEmpty());
    pass(seconds(1), 1);
    ASSERT_THAT(watch_.silent(), SizeIs(1));
    EXPECT_EQ(watch_.silent()[0].pulse.id, workers_[0]);
    EXPECT_EQ(watch_.silent()[0].pulse.heartbeats, pulses_[0].heartbeats);
}

TEST_F(SilenceWatchTest, AHeartbeatEndsTheSilence) {
    start(2);
    pass(seconds(29), 1);
    pass(seconds(1), 0);
    pass(seconds(29), 1);
    EXPECT_THAT(watch_.silent(), IsEmpty());
}

TEST_F(SilenceWatchTest, AGapBetweenLooksRestartsTheWatch) {
    start(2);
    pass(seconds(25), 1);
    now_ += seconds(11);  // This process was stopped, or busy elsewhere.
    pass(seconds(29), 1);
    EXPECT_THAT(watch_.silent(), IsEmpty());
    pass(seconds(2), 1);
    EXPECT_THAT(watch_.silent(), SizeIs(1));
}

TEST_F(SilenceWatchTest, ASlowReadRestartsTheWatch) {
    start(2);
    pass(seconds(25), 1);
    watch_.observe(pulses_, now_ + seconds(1), now_ + seconds(12));
    now_ += seconds(12);
    pass(seconds(29), 1);
    EXPECT_THAT(watch_.silent(), IsEmpty());
}

// This happens if the database goes away once it has answered the first read, and comes back for
// the second.
TEST_F(SilenceWatchTest, TwoReadsThatAreSlowTogetherRestartTheWatch) {
    start(2);
    pass(seconds(25), 1);
    watch_.observe(pulses_, now_ + seconds(1), now_ + seconds(5));
    watch_.observe(pulses_, now_ + seconds(5), now_ + seconds(12));
    now_ += seconds(12);
    pass(seconds(29), 1);
    EXPECT_THAT(watch_.silent(), IsEmpty());
}

TEST_F(SilenceWatchTest, CountsFromTheAnswerToTheNextQuestion) {
    start(1);
    watch_.observe(pulses_, now_, now_ + seconds(5));
    for (int t = 10; t <= 30; t += 5) {
        watch_.observe(pulses_, now_ + seconds(t), now_ + seconds(t));
    }
    EXPECT_THAT(watch_.silent(), IsEmpty());  // 30 s since the first question, 25 since its answer.
    watch_.observe(pulses_, now_ + seconds(35), now_ + seconds(35));
    EXPECT_THAT(watch_.silent(), SizeIs(1));
}

TEST_F(SilenceWatchTest, AThirdIsNotAMassOutage) {
    start(6);
    pass(seconds(1), 0);
    pass(seconds(30), 2);
    EXPECT_THAT(in_outage(), ElementsAre(false, false));
}

TEST_F(SilenceWatchTest, MoreThanAThirdIsAMassOutage) {
    start(6);
    pass(seconds(1), 0);
    pass(seconds(30), 3);
    EXPECT_THAT(in_outage(), ElementsAre(true, true, true));
}

TEST_F(SilenceWatchTest, OneWorkerAloneIsNotAMassOutage) {
    start(2);
    pass(seconds(31), 1);
    EXPECT_THAT(in_outage(), ElementsAre(false));
    start(1);
    pass(seconds(31), 1);
    EXPECT_THAT(in_outage(), ElementsAre(false));
}

TEST_F(SilenceWatchTest, WorkersThatFellSilentALittleLaterBelongToTheOutage) {
    start(3);
    pass(seconds(1), 0);
    pass(seconds(5), 1);
    pass(seconds(25), 3);
    EXPECT_THAT(in_outage(), ElementsAre(true));
}

TEST_F(SilenceWatchTest, WorkersMarkedLostAMomentAgoBelongToTheOutage) {
    start(4);
    pass(seconds(1), 0);
    pass(seconds(5), 1);
    pass(seconds(25), 2);
    pulses_.erase(pulses_.begin());  // The first was marked lost.
    pass(seconds(5), 1);
    EXPECT_THAT(in_outage(), ElementsAre(true));
}

TEST_F(SilenceWatchTest, OutageVictimsRemainVictimsWhenReplacementsStart) {
    start(3);
    pass(seconds(20), 3);
    for (std::size_t i = 3; i < 10; ++i) pulses_.push_back({workers_[i], 1});
    pass(seconds(11), 3);
    EXPECT_THAT(in_outage(), ElementsAre(true, true, true));
}

TEST_F(SilenceWatchTest, AWorkerThatStartsAfterAnOutageDoesNotHideIt) {
    start(2);
    pass(seconds(5), 2);
    for (std::size_t i = 2; i < 10; ++i) pulses_.push_back({workers_[i], 1});
    pass(seconds(26), 2);
    EXPECT_THAT(in_outage(), ElementsAre(true, true));
}

TEST_F(SilenceWatchTest, OutageVictimsRemainVictimsWhenTheWatchRestarts) {
    start(3);
    pass(seconds(20), 2);
    watch_.start_anew();
    pass(seconds(31), 1);  // The other was not dead after all.
    EXPECT_THAT(in_outage(), ElementsAre(true));
}

TEST_F(SilenceWatchTest, AJobThatKillsOneWorkerAfterAnotherIsNotAnOutage) {
    start(2);
    pass(seconds(1), 0);
    pass(seconds(25), 1);
    pass(seconds(5), 2);  // The other beat 5 s ago; now it takes the job and dies as well.
    EXPECT_THAT(in_outage(), ElementsAre(false));
    pulses_.erase(pulses_.begin());
    pass(seconds(25), 1);
    EXPECT_THAT(in_outage(), ElementsAre(false));
}

TEST_F(SilenceWatchTest, LossesOneAfterAnotherAreNotAnOutage) {
    start(3);
    pass(seconds(1), 0);
    pass(seconds(30), 1);
    pulses_.erase(pulses_.begin());
    pass(seconds(30), 1);  // The next silence began when the first worker was marked.
    EXPECT_THAT(in_outage(), ElementsAre(false));
}

}  // namespace
}  // namespace millrace::keeper

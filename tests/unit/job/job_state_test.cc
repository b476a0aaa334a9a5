#include "common/job/job_state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

namespace millrace {
namespace {

TEST(JobState, EveryRowIsFoundByItsNumberAndItsName) {
    for (const auto& row : job_states()) {
        EXPECT_EQ(info(row.state).name, row.name);
        EXPECT_EQ(parse_job_state(row.name), row.state);
        EXPECT_EQ(job_state_from_number(static_cast<int>(row.state)), row.state);
    }
    EXPECT_EQ(parse_job_state("running"), std::nullopt);
    EXPECT_EQ(job_state_from_number(0), std::nullopt);
    EXPECT_EQ(job_state_from_number(10), std::nullopt);
}

TEST(JobState, AFinalStateNeverChanges) {
    for (const auto& from : job_states()) {
        for (const auto& to : job_states()) {
            EXPECT_FALSE(from.is_final && may_change(from.state, to.state)) << from.name;
        }
    }
}

TEST(JobState, EveryStateButTheFinalOnesCanBeLeft) {
    for (const auto& from : job_states()) {
        if (from.is_final) continue;
        const auto leaves = [&](const JobTransition& transition) {
            return transition.from == from.state;
        };
        EXPECT_TRUE(std::ranges::any_of(job_transitions(), leaves)) << from.name;
    }
}

TEST(JobState, ACancellingJobIsNeverQueuedAgain) {
    for (const auto& transition : job_transitions()) {
        if (transition.from != JobState::kCancelling) continue;
        EXPECT_TRUE(info(transition.to).is_final);
    }
}

TEST(JobState, OnlyAQueuedJobIsClaimed) {
    for (const auto& transition : job_transitions()) {
        if (transition.to != JobState::kInProgress) continue;
        EXPECT_EQ(transition.from, JobState::kQueued);
    }
}

TEST(JobState, NoTransitionIsListedTwice) {
    std::set<std::pair<JobState, JobState>> seen;
    for (const auto& transition : job_transitions()) {
        EXPECT_TRUE(seen.insert({transition.from, transition.to}).second);
        EXPECT_FALSE(transition.cause.empty());
    }
}

}  // namespace
}  // namespace millrace

#include "tests/chaos/plan.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

namespace millrace::chaos {
namespace {

TEST(Plan, IsTheSameForTheSameSeed) {
    for (int job = 0; job < 50; ++job) {
        EXPECT_EQ(plan_job(7, job).body, plan_job(7, job).body);
        EXPECT_NE(plan_job(7, job).body, plan_job(8, job).body);
    }
}

TEST(Plan, GivesEveryJobAnOutputOfItsOwn) {
    std::set<std::string> texts;
    int completing = 0;
    for (int job = 0; job < 2000; ++job) {
        const auto plan = plan_job(1, job);
        if (plan.planned.end != "completed") continue;
        ++completing;
        texts.insert(plan.planned.text);
    }
    EXPECT_EQ(static_cast<int>(texts.size()), completing);
}

TEST(Plan, HasAllKindsOfJobs) {
    std::set<std::string> kinds;
    for (int job = 0; job < 500; ++job) {
        const auto plan = plan_job(1, job);
        kinds.insert(plan.planned.end);
        kinds.insert(plan.planned.keyed ? "keyed" : "without a key");
        if (plan.sent_twice) kinds.insert("sent twice");
        if (plan.cancel_after) kinds.insert("cancelled");
        if (plan.is_retried) kinds.insert("retried");
        if (plan.retried_twice) kinds.insert("retried twice");
        if (plan.is_redriven) kinds.insert("redriven");
        const auto input = nlohmann::json::parse(plan.body).at("input");
        kinds.insert(input.at("synthetic").value("fail", "works"));
    }
    EXPECT_EQ(kinds.size(), 13U);
}

}  // namespace
}  // namespace millrace::chaos

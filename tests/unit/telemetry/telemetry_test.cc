// One registry serves the whole process: each test uses metrics of its own.
#include "common/telemetry/telemetry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

namespace millrace::telemetry {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Telemetry, CountsAddUpPerLabel) {
    count<Metric::kJobsSubmitted>(2, "high");
    count<Metric::kJobsSubmitted>(3, "high");
    count<Metric::kJobsSubmitted>(1, "low");
    const auto text = render();
    EXPECT_THAT(text, HasSubstr("# TYPE millrace_jobs_submitted_total counter\n"));
    EXPECT_THAT(text, HasSubstr("millrace_jobs_submitted_total{priority=\"high\"} 5\n"));
    EXPECT_THAT(text, HasSubstr("millrace_jobs_submitted_total{priority=\"low\"} 1\n"));
}

TEST(Telemetry, GaugesKeepTheLastValue) {
    set<Metric::kSlotsBusy>(7);
    set<Metric::kSlotsBusy>(4);
    EXPECT_THAT(render(), HasSubstr("millrace_slots_busy 4\n"));
}

TEST(Telemetry, DurationsOfAnyUnitAreSeconds) {
    observe<Metric::kStatementSeconds>(1500us, "job_claim");
    const auto text = render();
    EXPECT_THAT(
        text, HasSubstr("millrace_statement_duration_seconds_sum{statement=\"job_claim\"} 0.0015"));
    EXPECT_THAT(text, HasSubstr("_bucket{statement=\"job_claim\",le=\"0.001\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("_bucket{statement=\"job_claim\",le=\"0.0025\"} 1\n"));
}

TEST(Telemetry, LabelsKeepTheirOrder) {
    set<Metric::kQueueJobs>(12, "images", "low", "queued");
    EXPECT_THAT(render(), HasSubstr("{priority=\"low\",queue=\"images\",state=\"queued\"} 12\n"));
}

TEST(Telemetry, DeclaredMetricsStartAtZero) {
    EXPECT_THAT(render(), Not(HasSubstr("millrace_lease_lapses_total")));
    declare(Part::kWorker);
    EXPECT_THAT(render(), HasSubstr("millrace_lease_lapses_total 0\n"));
    EXPECT_THAT(render(), Not(HasSubstr("millrace_waiters")));
}

TEST(Telemetry, SeriesBeyondTheLimitAreCountedTogether) {
    for (std::size_t i = 0; i < kSeriesMax + 5; ++i) {
        count<Metric::kKeeperRows>(1, "duty" + std::to_string(i));
    }
    const auto text = render();
    EXPECT_THAT(text, HasSubstr("millrace_keeper_rows_total{duty=\"other\"} 5\n"));
    EXPECT_THAT(text, Not(HasSubstr("duty1000")));
}

TEST(Telemetry, LosesNoCountBetweenThreads) {
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([] {
                for (int i = 0; i < 1000; ++i) count<Metric::kCancels>(1, "control");
            });
        }
    }
    EXPECT_THAT(render(), HasSubstr("millrace_cancels_total{source=\"control\"} 4000\n"));
}

}  // namespace
}  // namespace millrace::telemetry

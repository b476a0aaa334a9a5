// Cancelling one job, and all that match.
#include "tests/unit/api/server_fixture.h"

namespace millrace::test {
namespace {

class CancelTest : public ServerTest {
 protected:
    JobId put(JobState state) {
        return service_.put([&](storage::JobRecord& job) { job.state = state; });
    }
    std::string status(const JobId& id) { return json(get("/v1/jobs/" + id.str()))["status"]; }
};

TEST_F(CancelTest, CancelsAllThatMatchAndSaysHowMany) {
    const auto queued = put(JobState::kQueued);
    const auto later = put(JobState::kScheduled);
    const auto running = put(JobState::kInProgress);
    const auto done = put(JobState::kCompleted);
    const auto answer = post("/v1/jobs:cancel", R"({"queue":"images","error":"timeout",
        "metadata":{"run":"oops"},"model":"m","priority":"low","created_after":1759000000})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto body = json(answer);
    EXPECT_EQ(body["object"], "cancellation");
    EXPECT_EQ(body["matched"], 3);
    EXPECT_EQ(body["cancelled"], 2);
    EXPECT_EQ(body["cancelling"], 1);
    EXPECT_EQ(body["has_more"], false);
    EXPECT_TRUE(body["next"].is_null());
    EXPECT_EQ(status(queued), "cancelled");
    EXPECT_EQ(status(later), "cancelled");
    EXPECT_EQ(status(running), "cancelling");
    EXPECT_EQ(status(done), "completed");
    const auto filter = service_.last_filter();
    EXPECT_EQ(filter.queue, "images");
    EXPECT_EQ(filter.error_code, "timeout");
    EXPECT_EQ(filter.model, "m");
    EXPECT_EQ(filter.priority, Priority::kLow);
    EXPECT_EQ(filter.metadata.size(), 1U);
    EXPECT_TRUE(filter.created_after.has_value());
    EXPECT_EQ(filter.limit, 10000);
    EXPECT_FALSE(filter.never_retried);
}

TEST_F(CancelTest, ContinuesWhereAnEarlierCallStopped) {
    const auto job = put(JobState::kQueued);
    const auto with_after = [&](const std::string& after) {
        return post("/v1/jobs:cancel", R"({"model":"m","after":)" + after + "}");
    };
    EXPECT_EQ(with_after('"' + job.str() + '"').status, 200);
    EXPECT_EQ(service_.last_filter().after, job);
    EXPECT_EQ(with_after("null").status, 200) << "the call before was complete";
    EXPECT_FALSE(service_.last_filter().after);
    const auto wrong = with_after("\"job_1\"");
    EXPECT_EQ(wrong.status, 400);
    EXPECT_EQ(code(wrong), "invalid_cursor");
    EXPECT_EQ(code(post("/v1/jobs:cancel", R"({"after":")" + job.str() + "\"}")), "missing_field");
}

TEST_F(CancelTest, LeavesRunningJobsIfOnlyWaitingOnesAreSelected) {
    const auto queued = put(JobState::kQueued);
    const auto running = put(JobState::kInProgress);
    const auto answer = post("/v1/jobs:cancel", R"({"status":["queued","scheduled"]})");
    EXPECT_EQ(json(answer)["matched"], 1);
    EXPECT_EQ(status(queued), "cancelled");
    EXPECT_EQ(status(running), "in_progress");
}

TEST_F(CancelTest, CancelsEverythingOnlyOnRequest) {
    const auto job = put(JobState::kQueued);
    for (const auto* body : {"{}", R"({"limit":1})", R"({"all":false})", R"({"dry_run":true})",
                             R"({"all":false,"dry_run":true})"}) {
        const auto answer = post("/v1/jobs:cancel", body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_EQ(code(answer), "missing_field") << body;
    }
    EXPECT_EQ(status(job), "queued");
    EXPECT_EQ(post("/v1/jobs:cancel", R"({"all":true})").status, 200);
    EXPECT_EQ(status(job), "cancelled");
}

// An empty variable of a client's program must not widen the filter.
TEST_F(CancelTest, RefusesACriterionThatIsNullOrEmpty) {
    const auto job = put(JobState::kQueued);
    for (const auto* body :
         {R"({"status":null})", R"({"queue":null})", R"({"queue":null,"dry_run":true})",
          R"({"status":"queued","model":null})", R"({"status":null,"queue":"images"})",
          R"({"queue":null,"priority":"low"})", R"({"all":true,"metadata":null})",
          R"({"status":"queued","created_before":null})", R"({"all":true,"dry_run":null})",
          R"({"dry_run":true,"model":null})", R"({"metadata":{}})",
          R"({"status":"queued","metadata":{}})", R"({"all":true,"metadata":{}})",
          R"({"dry_run":true,"metadata":{}})"}) {
        const auto answer = post("/v1/jobs:cancel", body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_EQ(code(answer), "invalid_value") << body;
    }
    const auto retry = post("/v1/jobs:retry", R"({"ids":null,"status":"failed"})");
    EXPECT_EQ(code(retry), "invalid_value");
    const auto empty = post("/v1/jobs:retry", R"({"status":"failed","metadata":{}})");
    EXPECT_EQ(code(empty), "invalid_value");
    EXPECT_EQ(status(job), "queued");
    EXPECT_EQ(post("/v1/jobs:cancel", R"({"all":true,"limit":null})").status, 200);
}

TEST_F(CancelTest, ADryRunOnlyCounts) {
    const auto job = put(JobState::kQueued);
    for (const auto* body : {R"({"all":true,"dry_run":true})", R"({"dry_run":true,"model":"m"})"}) {
        const auto answer = post("/v1/jobs:cancel", body);
        EXPECT_EQ(answer.status, 200) << answer.body;
        EXPECT_EQ(json(answer)["object"], "cancel_preview");
        EXPECT_EQ(json(answer)["count"], 1);
    }
    EXPECT_EQ(service_.last_filter().states.size(), 4U);
    EXPECT_EQ(status(job), "queued");
}

TEST_F(CancelTest, RefusesInvalidBodies) {
    for (const auto* body :
         {R"({"status":"completed"})", R"({"status":"cancelling"})", R"({"status":[]})",
          R"({"ids":["job_00000000000000000000000000"]})", R"({"limit":10001,"all":true})",
          R"({"limit":0,"all":true})", R"({"all":1})", R"({"statsu":"queued"})",
          R"({"metadata":{"a":1}})", R"({"metadata":{"a":"1","a":"2"}})",
          R"({"created_after":"soon"})", "[]", "", "null"}) {
        EXPECT_EQ(post("/v1/jobs:cancel", body).status, 400) << body;
    }
    EXPECT_EQ(get("/v1/jobs:cancel").status, 405);
}

}  // namespace
}  // namespace millrace::test

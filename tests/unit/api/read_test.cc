#include "tests/unit/api/server_fixture.h"

namespace millrace::test {
namespace {

using storage::JobRecord;

class ReadTest : public ServerTest {};

JobId put_running(FakeServices& service) {
    return service.put([](JobRecord& job) {
        job.state = JobState::kInProgress;
        job.epoch = 2;
        job.attempt = 2;
        job.worker = WorkerId();
        job.worker_name = "gpu-7";
        job.started_at = job.created_at + std::chrono::milliseconds(0);
        job.partial_text = "Hel";
        job.input_json = R"({"prompt":"hi"})";
        job.attempts = {{.epoch = 1,
                         .worker_name = "gpu-6",
                         .started_at = job.created_at,
                         .ended_at = job.created_at,
                         .outcome = OutcomeKind::kRetryable,
                         .error_code = "overloaded",
                         .error_message = "busy",
                         .counted_as = storage::CountedAs::kFailure}};
    });
}

TEST_F(ReadTest, ShowsAJobWithItsPartialOutput) {
    const auto id = put_running(service_);
    const auto answer = get("/v1/jobs/" + id.str());
    ASSERT_EQ(answer.status, 200);
    const auto job = json(answer);
    EXPECT_EQ(job["status"], "in_progress");
    EXPECT_EQ(job["attempt"], 2);
    EXPECT_EQ(job["worker"]["name"], "gpu-7");
    EXPECT_EQ(job["partial_output"]["text"], "Hel");
    EXPECT_TRUE(job["output"].is_null());
    EXPECT_FALSE(job.contains("input"));
    EXPECT_FALSE(job.contains("attempts"));
    EXPECT_EQ(job["urls"]["events"], "/v1/jobs/" + id.str() + "/events");
}

TEST_F(ReadTest, IncludesInputAndAttemptsOnRequest) {
    const auto id = put_running(service_);
    const auto job = json(get("/v1/jobs/" + id.str() + "?include=input,attempts"));
    EXPECT_EQ(job["input"], Json({{"prompt", "hi"}}));
    ASSERT_EQ(job["attempts"].size(), 1U);
    EXPECT_EQ(job["attempts"][0]["number"], 1);
    EXPECT_EQ(job["attempts"][0]["outcome"], "retryable");
    EXPECT_EQ(job["attempts"][0]["counted_as"], "failure");
    EXPECT_EQ(job["attempts"][0]["waited_ms"], 0);
    EXPECT_EQ(job["attempts"][0]["duration_ms"], 0);
    EXPECT_EQ(job["attempts"][0]["error"]["code"], "overloaded");
    const auto wrong = get("/v1/jobs/" + id.str() + "?include=everything");
    EXPECT_EQ(code(wrong), "invalid_parameter");
}

TEST_F(ReadTest, AnswersNotModifiedWhileNothingChanged) {
    const auto id = put_running(service_);
    const auto etag = get("/v1/jobs/" + id.str()).header("etag");
    const auto same = get("/v1/jobs/" + id.str(), "If-None-Match: " + etag + "\r\n");
    EXPECT_EQ(same.status, 304);
    EXPECT_EQ(same.body, "");
    EXPECT_EQ(same.header("etag"), etag);
    service_.change(id, [](JobRecord& job) { ++job.partial_sequence; });
    EXPECT_EQ(get("/v1/jobs/" + id.str(), "If-None-Match: " + etag + "\r\n").status, 200);
}

TEST_F(ReadTest, ResultIsTheBareOutput) {
    const auto id = service_.put();
    EXPECT_EQ(get("/v1/jobs/" + id.str() + "/result").status, 202);
    service_.finish(id, JobState::kCompleted, R"({"text": "hello"})");
    const auto answer = get("/v1/jobs/" + id.str() + "/result");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, R"({"text": "hello"})");
}

TEST_F(ReadTest, UsageIsNullIfItIsUnknown) {
    const auto usage_of = [this](const Usage& usage) {
        const auto id = service_.put();
        service_.finish(id, JobState::kCompleted, "{}");
        service_.change(id, [&](JobRecord& job) { job.usage = usage; });
        return nlohmann::json(json(get("/v1/jobs/" + id.str()))["usage"]).dump();
    };
    EXPECT_EQ(usage_of({}), "null");
    EXPECT_EQ(usage_of({.prompt_tokens = 9}),
              R"({"completion_tokens":null,"prompt_tokens":9,"total_tokens":null})");
    EXPECT_EQ(usage_of({9, 0}), R"({"completion_tokens":0,"prompt_tokens":9,"total_tokens":9})");
}

TEST_F(ReadTest, ResultOfAJobThatEndedOtherwiseSaysHow) {
    for (const auto& [state, name] : {std::pair(JobState::kFailed, "job_failed"),
                                      std::pair(JobState::kCancelled, "job_cancelled"),
                                      std::pair(JobState::kExpired, "job_expired")}) {
        const auto id = service_.put();
        service_.finish(id, state);
        const auto answer = get("/v1/jobs/" + id.str() + "/result");
        EXPECT_EQ(answer.status, 410);
        EXPECT_EQ(code(answer), name);
        EXPECT_EQ(json(answer)["job_id"], id.str());
    }
}

TEST_F(ReadTest, FailedJobShowsItsError) {
    const auto id = service_.put();
    service_.finish(id, JobState::kFailed);
    const auto job = json(get("/v1/jobs/" + id.str()));
    EXPECT_EQ(job["error"]["code"], "bad_prompt");
    EXPECT_EQ(job["error"]["type"], "job_failed");
    EXPECT_TRUE(job["last_error"].is_null());
}

TEST_F(ReadTest, JobThatWaitsForItsRetryShowsTheLastErrorApart) {
    const auto id = service_.put([](JobRecord& job) {
        job.state = JobState::kScheduled;
        job.attempt = 1;
        job.failures = 0;  // Its server was busy, which does not count.
        job.run_at = job.created_at + std::chrono::seconds(5);
        job.error_code = "overloaded";
    });
    const auto job = json(get("/v1/jobs/" + id.str()));
    EXPECT_TRUE(job["error"].is_null());
    EXPECT_EQ(job["last_error"]["code"], "overloaded");
    EXPECT_EQ(job["wait"]["reason"], "backoff");
    EXPECT_EQ(job["wait"]["until"], 1760000005);
    // A server without room does not count as a failure, but the job still waits for its next try.
    service_.change(id, [](JobRecord& record) { record.failures = 0; });
    EXPECT_EQ(json(get("/v1/jobs/" + id.str()))["wait"]["reason"], "backoff");
    service_.change(id, [](JobRecord& record) { record.attempt = 0; });
    EXPECT_EQ(json(get("/v1/jobs/" + id.str()))["wait"]["reason"], "scheduled");
}

TEST_F(ReadTest, QueuedJobWithoutAWorkerSaysSo) {
    const auto id = service_.put();
    const auto before = get("/v1/jobs/" + id.str());
    EXPECT_TRUE(json(before)["wait"].is_null());
    service_.set_has_workers(false);
    const auto after = get("/v1/jobs/" + id.str());
    EXPECT_EQ(json(after)["wait"]["reason"], "no_workers");
    EXPECT_TRUE(json(after)["wait"]["until"].is_null());
    EXPECT_NE(after.header("etag"), before.header("etag"));
    EXPECT_EQ(json(get("/v1/jobs"))["data"][0]["wait"]["reason"], "no_workers");
    service_.finish(id, JobState::kCompleted, "{}");
    EXPECT_TRUE(json(get("/v1/jobs/" + id.str()))["wait"].is_null());
}

TEST_F(ReadTest, SaysWhenACancelWasRequested) {
    const auto id = put_running(service_);
    EXPECT_TRUE(json(get("/v1/jobs/" + id.str()))["cancel_requested_at"].is_null());
    service_.change(id, [](JobRecord& job) {
        job.state = JobState::kCancelling;
        job.cancel_requested_at = job.created_at + std::chrono::seconds(7);
    });
    EXPECT_EQ(json(get("/v1/jobs/" + id.str()))["cancel_requested_at"], 1760000007);
}

TEST_F(ReadTest, InvalidIdsAreNotFound) {
    for (const auto* id :
         {"job_01h455vb4pex5vsknk084sn02q", "job_", "x", "%00", "%FF", "%zz",
          "job_01H455VB4PEX5VSKNK084SN02Q", "..", "wrk_01h455vb4pex5vsknk084sn02q"}) {
        for (const auto* rest : {"", "/result", "/events"}) {
            const auto answer = get(std::string("/v1/jobs/") + id + rest);
            EXPECT_EQ(answer.status, 404) << id << rest;
            EXPECT_EQ(code(answer), "job_not_found") << id << rest;
        }
    }
}

TEST_F(ReadTest, OldIdsAreAnsweredWithHowLongJobsAreKept) {
    for (const auto* id : {"job_01h455vb4pex5vsknk084sn02q", "order-1234"}) {
        EXPECT_NE(get(std::string("/v1/jobs/") + id).body.find("kept"), std::string::npos) << id;
    }
}

TEST_F(ReadTest, CancelOfAQueuedJobEndsIt) {
    const auto id = service_.put();
    const auto path = "/v1/jobs/" + id.str() + "/cancel";
    const auto answer = ask("POST " + path + " HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(json(answer)["status"], "cancelled");
    EXPECT_EQ(post(path, "{}").status, 200);
}

TEST_F(ReadTest, CancelOfARunningJobIsOnItsWay) {
    const auto id = put_running(service_);
    const auto answer = ask("POST /v1/jobs/" + id.str() + "/cancel HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_EQ(answer.status, 202);
    EXPECT_EQ(json(answer)["status"], "cancelling");
    EXPECT_EQ(ask("POST /v1/jobs/job_x/cancel HTTP/1.1\r\nHost: t\r\n\r\n").status, 404);
}

// Its row does not say when the last attempt ended.
TEST_F(ReadTest, AJobThatEndedWhileItWaitedClaimsNoDurationOfItsAttempt) {
    using std::chrono::seconds;
    const auto waited = [this](std::optional<int> started, int queued) {
        const auto id = service_.put([&](storage::JobRecord& job) {
            const auto at = [&](int s) { return job.created_at + seconds(s); };
            job.state = JobState::kExpired;
            if (started) job.started_at = at(*started);
            job.queued_at = at(queued);
            job.finished_at = at(10);
        });
        return json(get("/v1/jobs/" + id.str()))["timing"];
    };
    EXPECT_EQ(waited(4, 5), Json({{"queue_ms", 5000}, {"execution_ms", nullptr}}));
    // It expired during its backoff, before it was queued again.
    EXPECT_EQ(waited(4, 1), Json({{"queue_ms", 3000}, {"execution_ms", nullptr}}));
    EXPECT_EQ(waited(std::nullopt, 1), Json({{"queue_ms", 9000}, {"execution_ms", nullptr}}));
    const auto ran = service_.put([&](storage::JobRecord& job) {
        job.state = JobState::kExpired;
        job.worker = WorkerId(job.id.uuid());
        job.started_at = job.created_at + seconds(2);
        job.finished_at = job.created_at + seconds(5);
    });
    EXPECT_EQ(json(get("/v1/jobs/" + ran.str()))["timing"],
              Json({{"queue_ms", 2000}, {"execution_ms", 3000}}));
}

TEST_F(ReadTest, ListsPageByPage) {
    for (int i = 0; i < 3; ++i) service_.put();
    const auto first = json(get("/v1/jobs?limit=2"));
    EXPECT_EQ(first["object"], "list");
    EXPECT_EQ(first["data"].size(), 2U);
    EXPECT_EQ(first["has_more"], true);
    EXPECT_EQ(first["first_id"], first["data"][0]["id"]);
    EXPECT_EQ(first["next"], first["last_id"]);
    const std::string last = first["next"];
    const auto searched_to = uuid_unix_time(JobId::parse(last)->uuid());
    EXPECT_EQ(first["searched_to"], std::chrono::floor<std::chrono::seconds>(searched_to).count());
    const auto second = json(get("/v1/jobs?limit=2&after=" + last));
    EXPECT_EQ(second["data"].size(), 1U);
    EXPECT_EQ(second["has_more"], false);
    EXPECT_TRUE(second["next"].is_null());
    EXPECT_TRUE(second["searched_to"].is_null());
    const auto third = json(get("/v1/jobs?after=" + std::string(second["last_id"])));
    EXPECT_TRUE(third["last_id"].is_null());
}

TEST_F(ReadTest, PassesFiltersOn) {
    const auto answer = get(
        "/v1/jobs?status=queued,failed&queue=images&priority=low&model=a%20b&metadata%5Bk%5D=v%3D1"
        "&created_after=1760000000&created_before=2025-10-10T00:00:00.5%2B01:00&order=asc&limit=7");
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto filter = service_.last_filter();
    EXPECT_EQ(filter.states, (std::vector{JobState::kQueued, JobState::kFailed}));
    EXPECT_EQ(filter.queue, "images");
    EXPECT_EQ(filter.priority, Priority::kLow);
    EXPECT_EQ(filter.model, "a b");
    EXPECT_EQ(filter.metadata, (std::vector{std::pair<std::string, std::string>("k", "v=1")}));
    EXPECT_EQ(filter.created_after, storage::DbTime(std::chrono::seconds(1760000000)));
    EXPECT_EQ(filter.created_before, storage::DbTime(std::chrono::milliseconds(1760050800500)));
    EXPECT_TRUE(filter.ascending);
    EXPECT_EQ(filter.limit, 7);
}

TEST_F(ReadTest, RefusesFiltersThatMeanNothing) {
    for (const auto& [query, expected] :
         {std::pair("status=done", "invalid_parameter"), std::pair("limit=0", "invalid_parameter"),
          std::pair("limit=101", "invalid_parameter"), std::pair("limit=1x", "invalid_parameter"),
          std::pair("after=2", "invalid_cursor"), std::pair("order=up", "invalid_parameter"),
          std::pair("created_after=yesterday", "invalid_parameter"),
          std::pair("priority=urgent", "invalid_parameter"),
          std::pair("metadata=x", "invalid_parameter"),
          std::pair("limit=5&limit=6", "invalid_parameter"),
          std::pair("metadata[a]=x&metadata%5Ba%5D=y", "invalid_parameter"),
          std::pair("metadata[]=x", "invalid_parameter"),
          std::pair("status=failed,queued,failed", "invalid_parameter"),
          std::pair("status=failed&status=failed", "invalid_parameter"),
          std::pair("model=%ff", "invalid_parameter"), std::pair("model=%00", "invalid_parameter"),
          std::pair("stauts=queued", "unknown_parameter")}) {
        const auto answer = get(std::string("/v1/jobs?") + query);
        EXPECT_EQ(answer.status, 400) << query;
        EXPECT_EQ(code(answer), expected) << query;
    }
    EXPECT_NE(get("/v1/jobs?queue=%00").body.find("leave out U+0000"), std::string::npos);
    EXPECT_NE(get("/v1/jobs?stauts=queued").body.find("Did you mean `status`?"), std::string::npos);
}

TEST_F(ReadTest, ListsLanesAndWorkers) {
    const auto lanes = json(get("/v1/queues"))["data"];
    ASSERT_EQ(lanes.size(), 2U);
    EXPECT_EQ(lanes[0]["priority"], "high");
    EXPECT_EQ(lanes[0]["queued"], 2);
    EXPECT_TRUE(lanes[0]["oldest_age_ms"].is_null());
    EXPECT_EQ(lanes[0]["estimated"], false);
    EXPECT_EQ(lanes[1]["oldest_age_ms"], 7);
    EXPECT_EQ(lanes[1]["estimated"], true);
    const auto workers = json(get("/v1/workers"))["data"];
    ASSERT_EQ(workers.size(), 2U);
    EXPECT_EQ(workers[0]["state"], "draining");
    EXPECT_EQ(workers[0]["queues"], Json({"default"}));
    EXPECT_EQ(workers[0]["devices"], Json({"process:0"}));
    EXPECT_EQ(workers[0]["heartbeat_age_ms"], 1500);
}

// A worker that restarts all day leaves hundreds within the time that the store keeps them.
TEST_F(ReadTest, ShowsWorkersThatAreLongGoneOnlyOnRequest) {
    const auto names = [this](const std::string& query) {
        std::string all;
        const auto answer = json(get("/v1/workers" + query));
        for (const auto& worker : answer["data"]) {
            all += worker["name"].get<std::string>() + " ";
        }
        return all;
    };
    EXPECT_EQ(names(""), "gpu-7 gpu-6 ");
    EXPECT_EQ(names("?state=all"), "gpu-7 gpu-6 gpu-5 ");
    EXPECT_EQ(names("?state=lost,draining"), "gpu-7 gpu-5 ");
    EXPECT_EQ(names("?state=alive"), "");
    EXPECT_EQ(code(get("/v1/workers?state=dead")), "invalid_parameter");
    EXPECT_EQ(code(get("/v1/workers?state=lost,lost")), "invalid_parameter");
    EXPECT_EQ(code(get("/v1/workers?status=all")), "unknown_parameter");
}

TEST_F(ReadTest, ReadinessNamesWhatIsMissing) {
    EXPECT_EQ(get("/healthz").status, 200);
    EXPECT_EQ(json(get("/readyz"))["status"], "ready");
    service_.set_ready({true, false, true, "no worker is alive"});
    const auto answer = get("/readyz");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(code(answer), "not_ready");
    EXPECT_EQ(json(answer)["checks"]["workers_consume"], false);
    EXPECT_EQ(json(answer)["checks"]["store_commits"], true);
    EXPECT_EQ(json(answer)["detail"], "no worker is alive");
}

TEST_F(ReadTest, MetricsCountRequestsByRoute) {
    get("/v1/queues");
    const auto answer = get("/metrics");
    EXPECT_TRUE(answer.header("content-type").starts_with("text/plain"));
    EXPECT_NE(answer.body.find(R"(millrace_http_requests_total{route="list_queues",status="200"})"),
              std::string::npos);
}

TEST_F(ReadTest, FailedReadsAreProblems) {
    const auto id = service_.put();
    service_.fail_reads(Error{ErrorCode::kUnavailable, "PostgreSQL is away"});
    for (const auto* rest : {"", "/result", "/events"}) {
        const auto answer = get("/v1/jobs/" + id.str() + rest);
        EXPECT_EQ(answer.status, 503) << rest;
        EXPECT_EQ(code(answer), "unavailable") << rest;
    }
}

}  // namespace
}  // namespace millrace::test

#include <fmt/format.h>

#include "tests/unit/api/server_fixture.h"

namespace millrace::test {
namespace {

class SubmitTest : public ServerTest {};

TEST_F(SubmitTest, AnswersAcceptedWithTheJobAndItsLocation) {
    const auto answer = post("/v1/jobs", kJob);
    ASSERT_EQ(answer.status, 202) << answer.body;
    const auto job = json(answer);
    const std::string id = job["id"];
    EXPECT_TRUE(JobId::parse(id));
    EXPECT_EQ(answer.header("location"), "/v1/jobs/" + id);
    EXPECT_EQ(answer.header("content-type"), "application/json");
    EXPECT_TRUE(answer.header("x-request-id").starts_with("req_"));
    EXPECT_TRUE(answer.headers.contains("openai-poll-after-ms"));
    EXPECT_EQ(job["status"], "queued");
    EXPECT_EQ(job["queue"], "default");
    EXPECT_EQ(job["created_at"], 1760000000);
    EXPECT_EQ(job["max_attempts"], 3);
    EXPECT_EQ(job["expires_at"], 1760000000 + 24 * 3600);
}

TEST_F(SubmitTest, PassesTheWholeRequestOn) {
    const auto answer = post("/v1/jobs", R"({
        "model": "synthetic", "queue": "images", "priority": "high", "run_at": 1760000100,
        "input": {"prompt" : "a \u00e9", "n": 1.50, "n": 2},
        "policy": {"start_within": "30s", "execution_timeout": 60, "ttl": "2h", "max_attempts": 5},
        "metadata": {"k\"": "v\n"}})");
    ASSERT_EQ(answer.status, 202) << answer.body;
    EXPECT_EQ(json(answer)["status"], "scheduled");
    EXPECT_EQ(json(answer)["metadata"], Json({{"k\"", "v\n"}}));
    const auto requests = service_.submitted();
    ASSERT_EQ(requests.size(), 1U);
    const auto& spec = requests[0].spec;
    EXPECT_EQ(spec.queue, "images");
    EXPECT_EQ(spec.priority, Priority::kHigh);
    EXPECT_EQ(spec.input_json, R"({"prompt" : "a \u00e9", "n": 1.50, "n": 2})");
    EXPECT_EQ(spec.metadata_json, R"({"k\"":"v\n"})");
    EXPECT_EQ(spec.policy, (JobPolicy{.execution_timeout = std::chrono::minutes(1),
                                      .start_within = std::chrono::seconds(30),
                                      .ttl = std::chrono::hours(2),
                                      .attempts_max = 5}));
    EXPECT_EQ(requests[0].run_at, storage::DbTime(std::chrono::seconds(1760000100)));
}

TEST_F(SubmitTest, TakesAModelThatWasAnnouncedAMomentAgo) {
    EXPECT_EQ(post("/v1/jobs", R"({"model":"fresh","input":{}})").status, 202);
}

TEST_F(SubmitTest, RefusesAnUnknownModelAndNamesTheKnown) {
    const auto answer = post("/v1/jobs", R"({"model":"nope","input":{}})");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(code(answer), "model_not_found");
    EXPECT_EQ(json(answer)["error"]["param"], "model");
    EXPECT_NE(answer.body.find("The known ones are m, synthetic."), std::string::npos);
    EXPECT_TRUE(service_.submitted().empty());
}

TEST_F(SubmitTest, DoesNotRecommendModelsThatNoLiveWorkerServes) {
    service_.set_lacks_worker("m");
    const auto detail = [this] {
        return std::string(json(post("/v1/jobs", R"({"model":"nope","input":{}})"))["detail"]);
    };
    EXPECT_NE(detail().find("The known ones are synthetic. These have no live worker: m."),
              std::string::npos);
    service_.set_has_workers(false);
    EXPECT_NE(detail().find("No live worker serves any model. These have no live worker: m, syn"),
              std::string::npos);
}

// The job is accepted, because its worker may be starting; the answer says what it waits for.
TEST_F(SubmitTest, SaysWhenNoLiveWorkerServesTheModel) {
    EXPECT_TRUE(json(post("/v1/jobs", kJob))["wait"].is_null());
    service_.set_lacks_worker("m");
    const auto answer = post("/v1/jobs", kJob);
    EXPECT_EQ(answer.status, 202);
    EXPECT_EQ(json(answer)["wait"]["reason"], "no_workers");
}

TEST_F(SubmitTest, CountsTheTimeToLiveFromRunAt) {
    const auto expires_after = [&](std::string_view fields) {
        const auto answer =
            post("/v1/jobs", fmt::format(R"({{"model":"m","input":{{}},{}}})", fields));
        EXPECT_EQ(answer.status, 202) << answer.body;
        return json(answer)["expires_at"].get<std::int64_t>() - 1760000000;
    };
    constexpr int kHour = 3600;
    EXPECT_EQ(expires_after(R"("run_at":1759999999)"), 24 * kHour) << "it is due";
    EXPECT_EQ(expires_after(R"("run_at":0)"), 24 * kHour);
    EXPECT_EQ(expires_after(R"("run_at":1760360000)"), 124 * kHour);
    EXPECT_EQ(expires_after(R"("run_at":1760000004,"policy":{"ttl":"2s"})"), 6);
    const auto batch = post("/v1/jobs:batch", R"({"jobs":[{"model":"m","input":{},
        "run_at":1760360000}]})");
    EXPECT_EQ(json(batch)["data"][0]["expires_at"], 1760000000 + 124 * kHour);
    const auto put =
        ask(fmt::format("PUT /v1/jobs/mine HTTP/1.1\r\nHost: t\r\nContent-Length: {}"
                        "\r\n\r\n{}",
                        49, R"({"model":"m","input":{},"run_at":"1760360000.0" })"));
    EXPECT_EQ(json(put)["expires_at"], 1760000000 + 124 * kHour) << put.body;
}

// A time that the job asks for explicitly is granted, whatever the default for the whole is.
TEST_F(SubmitTest, LetsAJobThatAsksForMoreTimeThanTheDefaultHaveIt) {
    const auto ttl_of = [&](std::string_view policy) {
        EXPECT_EQ(
            post("/v1/jobs", fmt::format(R"({{"model":"m","input":{{}},"policy":{{{}}}}})", policy))
                .status,
            202);
        return *service_.submitted().back().spec.policy.ttl;
    };
    using std::chrono::hours;
    EXPECT_EQ(ttl_of(R"("execution_timeout":"20h")"), hours(24));
    EXPECT_EQ(ttl_of(R"("execution_timeout":"48h")"), hours(72));
    EXPECT_EQ(ttl_of(R"("start_within":"48h","execution_timeout":"1h")"), hours(73));
    EXPECT_EQ(ttl_of(R"("start_within":"48h","ttl":"1h")"), hours(1)) << "the first end counts";
}

TEST_F(SubmitTest, RemembersTheKeyOfAJobForLaterUntilThen) {
    constexpr std::string_view kKey = "Idempotency-Key: k\r\n";
    const auto lifetime = [&](std::string_view target, std::string_view body) {
        EXPECT_EQ(post(target, body, kKey).status, 202);
        return service_.submitted().back().idempotency->lifetime;
    };
    using std::chrono::hours;
    EXPECT_EQ(lifetime("/v1/jobs", R"({"model":"m","input":{},"run_at":1760360000})"), hours(124));
    EXPECT_EQ(
        lifetime("/v1/jobs:batch", R"({"jobs":[{"model":"m","input":{},"run_at":1760360000}]})"),
        hours(124));
    EXPECT_EQ(lifetime("/v1/jobs:batch", R"({"jobs":[{"model":"m","input":{}},
                                                     {"model":"m","input":{}}]})"),
              hours(24));
}

TEST_F(SubmitTest, ReplaysAKnownIdempotencyKey) {
    constexpr std::string_view kKey = "Idempotency-Key: \"abc\"\r\n";
    const auto first = post("/v1/jobs", kJob, kKey);
    ASSERT_EQ(first.status, 202);
    EXPECT_FALSE(first.headers.contains("idempotency-replayed"));
    // A key is the same with and without quotes.
    const auto again = post("/v1/jobs", kJob, "Idempotency-Key: abc\r\n");
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.header("idempotency-replayed"), "true");
    EXPECT_EQ(json(again)["id"], json(first)["id"]);
    const auto other = post("/v1/jobs", R"({"model":"m","input":{}})", kKey);
    EXPECT_EQ(other.status, 422);
    EXPECT_EQ(code(other), "idempotency_key_reused");
    EXPECT_EQ(service_.submitted().size(), 1U);
}

TEST_F(SubmitTest, RefusesAnInvalidIdempotencyKey) {
    for (const auto& key : {std::string("\"\""), std::string("a b"), std::string(256, 'k')}) {
        const auto answer = post("/v1/jobs", kJob, fmt::format("Idempotency-Key: {}\r\n", key));
        EXPECT_EQ(answer.status, 400) << key;
        EXPECT_EQ(code(answer), "invalid_idempotency_key");
    }
}

TEST_F(SubmitTest, DistinguishesFailuresOfTheService) {
    struct Case {
        ErrorCode error;
        int status;
        std::string code;
        bool retry_after;
        bool never;
    };
    for (const auto& [error, status, name, retry_after, never] :
         {Case{ErrorCode::kUnavailable, 503, "unavailable", true, false},
          Case{ErrorCode::kResourceExhausted, 429, "queue_full", true, false},
          Case{ErrorCode::kInvalidArgument, 400, "invalid_request", false, false},
          Case{ErrorCode::kOutcomeUnknown, 504, "outcome_unknown", false, true},
          Case{ErrorCode::kInternal, 500, "internal_error", false, true}}) {
        service_.fail_submits(service::SubmitError{{error, "secret cause"}, std::nullopt});
        const auto answer = post("/v1/jobs", kJob);
        EXPECT_EQ(answer.status, status);
        EXPECT_EQ(code(answer), name);
        EXPECT_EQ(answer.header("content-type"), "application/problem+json");
        EXPECT_EQ(answer.headers.contains("retry-after"), retry_after) << name;
        EXPECT_EQ(answer.headers.contains("x-should-retry"), never) << name;
        const bool is_shown = answer.body.find("secret cause") != std::string::npos;
        EXPECT_EQ(is_shown, error != ErrorCode::kInternal);
    }
}

TEST_F(SubmitTest, NamesTheJobWhoseOutcomeIsUnknown) {
    const auto id = service_.put();
    service_.fail_submits(service::SubmitError{{ErrorCode::kOutcomeUnknown, "in doubt"}, id});
    EXPECT_EQ(json(post("/v1/jobs", kJob))["job_id"], id.str());
}

TEST_F(SubmitTest, BatchAnswersEachJobInOrder) {
    const auto answer = post("/v1/jobs:batch",
                             R"({"jobs":[{"model":"m","input":{}}, {"model":"m"},
                                 {"model":"nope","input":{}}, {"model":"fresh","input":{}}]})");
    ASSERT_EQ(answer.status, 202) << answer.body;
    const auto body = json(answer);
    EXPECT_EQ(body["object"], "list");
    ASSERT_EQ(body["data"].size(), 4U);
    EXPECT_EQ(body["data"][0]["object"], "job");
    EXPECT_EQ(body["data"][1]["error"]["code"], "missing_field");
    EXPECT_EQ(body["data"][1]["error"]["param"], "jobs[1].input");
    EXPECT_EQ(body["data"][1]["status"], 400);
    EXPECT_EQ(body["data"][2]["error"]["code"], "model_not_found");
    EXPECT_EQ(body["data"][2]["error"]["param"], "jobs[2].model");
    EXPECT_EQ(body["data"][3]["model"], "fresh");
    EXPECT_EQ(service_.submitted().size(), 2U);
}

TEST_F(SubmitTest, BatchIsReplayedJobByJob) {
    constexpr std::string_view kBatch =
        R"({"jobs":[{"model":"m","input":{}},{"model":"m","input":{}}]})";
    const auto first = json(post("/v1/jobs:batch", kBatch, "Idempotency-Key: b1\r\n"));
    const auto again = json(post("/v1/jobs:batch", kBatch, "Idempotency-Key: b1\r\n"));
    EXPECT_EQ(first["data"][0]["id"], again["data"][0]["id"]);
    EXPECT_EQ(first["data"][1]["id"], again["data"][1]["id"]);
    EXPECT_NE(first["data"][0]["id"], first["data"][1]["id"]);
    EXPECT_EQ(service_.submitted().size(), 2U);
}

TEST_F(SubmitTest, BatchThatTheServiceRefusesWholeIsRefusedWhole) {
    service_.fail_submits(service::SubmitError{{ErrorCode::kUnavailable, "down"}, std::nullopt});
    const auto answer = post("/v1/jobs:batch", R"({"jobs":[{"model":"m","input":{}}]})");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(code(answer), "unavailable");
}

TEST_F(SubmitTest, BatchIsBounded) {
    api::codec::ApiOptions options;
    options.submit_jobs_max = 2;
    start({}, options);
    EXPECT_EQ(code(post("/v1/jobs:batch", R"({"jobs":[]})")), "invalid_value");
    EXPECT_EQ(code(post("/v1/jobs:batch", R"({"jobs":[1,2,3]})")), "invalid_value");
    EXPECT_EQ(code(post("/v1/jobs:batch", R"({"jobs":{}})")), "invalid_type");
    EXPECT_EQ(code(post("/v1/jobs:batch", R"([])")), "invalid_type");
}

}  // namespace
}  // namespace millrace::test

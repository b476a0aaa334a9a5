// Retries by hand, ids from clients, and requests that SDKs send again.
#include <fmt/format.h>

#include "tests/unit/api/server_fixture.h"

namespace millrace::test {
namespace {

constexpr std::string_view kOtherJob = R"({"model":"m","input":{"prompt":"other"}})";

class RetryTest : public ServerTest {
 protected:
    RawResponse put(const std::string& id, std::string_view body) {
        auto request = post_request("/v1/jobs/" + id, body);
        return ask(request.replace(0, 4, "PUT"));
    }
    // Sends the request like OpenAI's SDKs do.
    RawResponse sent(int count, std::string_view body = kJob) {
        return post("/v1/jobs", body, fmt::format("x-stainless-retry-count: {}\r\n", count));
    }
    JobId put_failed() {
        const auto id = service_.put();
        service_.finish(id, JobState::kFailed);
        return id;
    }
};

TEST_F(RetryTest, RetriesAFailedJobAsANewOne) {
    const auto old = put_failed();
    const auto answer = post("/v1/jobs/" + old.str() + "/retry", "");
    ASSERT_EQ(answer.status, 202) << answer.body;
    const auto job = json(answer);
    EXPECT_EQ(job["retry_of"], old.str());
    EXPECT_EQ(answer.header("location"), "/v1/jobs/" + job["id"].get<std::string>());
    EXPECT_EQ(json(get("/v1/jobs/" + old.str()))["retried_by"], job["id"]);
}

TEST_F(RetryTest, AnswersTheSecondRetryWithTheFirst) {
    const auto old = put_failed().str();
    const auto first = json(post("/v1/jobs/" + old + "/retry", ""));
    const auto again = post("/v1/jobs/" + old + "/retry", "");
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.header("idempotency-replayed"), "true");
    EXPECT_EQ(json(again)["id"], first["id"]);
}

TEST_F(RetryTest, RefusesJobsThatCannotBeRetriedAndStopsSdks) {
    const auto answer = post("/v1/jobs/" + service_.put().str() + "/retry", "");
    EXPECT_EQ(answer.status, 409);
    EXPECT_EQ(code(answer), "job_not_retryable");
    EXPECT_EQ(answer.header("x-should-retry"), "false");
    EXPECT_EQ(post("/v1/jobs/job_00000000000000000000000000/retry", "").status, 404);
}

TEST_F(RetryTest, APollerSeesThatItsJobWasRetried) {
    const auto old = put_failed().str();
    const auto etag = get("/v1/jobs/" + old).header("etag");
    post("/v1/jobs/" + old + "/retry", "");
    EXPECT_EQ(get("/v1/jobs/" + old, "If-None-Match: " + etag + "\r\n").status, 200);
}

TEST_F(RetryTest, RetriesAllThatMatch) {
    const auto old = put_failed();
    const auto answer = post("/v1/jobs:retry", R"({"queue":"images","error":"bad_prompt",
        "status":["failed","expired"],"metadata":{"user":"42"},"created_before":1760000000})");
    ASSERT_EQ(answer.status, 202) << answer.body;
    const auto filter = service_.last_filter();
    EXPECT_EQ(filter.queue, "images");
    EXPECT_EQ(filter.error_code, "bad_prompt");
    EXPECT_EQ(filter.states, (std::vector{JobState::kFailed, JobState::kExpired}));
    EXPECT_EQ(filter.metadata.size(), 1U);
    EXPECT_TRUE(filter.created_before.has_value());
    EXPECT_EQ(filter.limit, 500);
    const auto data = json(answer)["data"];
    ASSERT_EQ(data.size(), 1U);
    EXPECT_EQ(data[0]["id"], old.str());
    EXPECT_EQ(json(get("/v1/jobs/" + old.str()))["retried_by"], data[0]["retried_by"]);
    EXPECT_EQ(json(answer)["has_more"], false);
}

TEST_F(RetryTest, RetriesFailedJobsByDefault) {
    post("/v1/jobs:retry", R"({"model":"m"})");
    EXPECT_EQ(service_.last_filter().states, std::vector{JobState::kFailed});
}

TEST_F(RetryTest, RetriesAllThatFailedOnlyOnRequest) {
    const auto old = put_failed();
    for (const auto* body : {"{}", R"({"limit":1})", R"({"all":false})", R"({"dry_run":true})",
                             R"({"all":false,"dry_run":true})"}) {
        const auto answer = post("/v1/jobs:retry", body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_EQ(code(answer), "missing_field") << body;
    }
    EXPECT_TRUE(json(get("/v1/jobs/" + old.str()))["retried_by"].is_null());
    EXPECT_EQ(post("/v1/jobs:retry", R"({"all":true})").status, 202);
    EXPECT_FALSE(json(get("/v1/jobs/" + old.str()))["retried_by"].is_null());
}

TEST_F(RetryTest, ADryRunOnlyCounts) {
    put_failed();
    const auto answer = post("/v1/jobs:retry", R"({"all":true,"dry_run":true})");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(json(answer)["count"], 1);
    EXPECT_TRUE(service_.last_filter().never_retried);
    EXPECT_TRUE(json(get("/v1/jobs"))["data"][0]["retried_by"].is_null());
}

TEST_F(RetryTest, ReportsEachIdSeparately) {
    const auto old = put_failed();
    const auto open = service_.put();
    const auto answer = post("/v1/jobs:retry", fmt::format(R"({{"ids":["{}","{}","{}"]}})",
                                                           old.str(), open.str(), old.str()));
    const auto data = json(answer)["data"];
    ASSERT_EQ(data.size(), 2U);
    EXPECT_EQ(data[0]["object"], "retry");
    EXPECT_EQ(data[1]["object"], "error");
    EXPECT_EQ(data[1]["job_id"], open.str());
    EXPECT_EQ(data[1]["error"]["code"], "job_not_retryable");
}

TEST_F(RetryTest, RefusesRetriesThatItDoesNotUnderstand) {
    for (const auto* body :
         {R"({"status":"completed"})", R"({"status":[]})", R"({"status":7})", R"({"ids":[]})",
          R"({"ids":["x"]})", R"({"ids":["job_00000000000000000000000000"],"queue":"default"})",
          R"({"limit":501})", R"({"dry_run":1})", R"({"statsu":"failed"})", R"({"priority":"x"})",
          R"({"metadata":{"a":1}})", R"({"created_after":"soon"})", "[]", ""}) {
        EXPECT_EQ(post("/v1/jobs:retry", body).status, 400) << body;
    }
}

// A step of a scan compares each job with every state, for everybody.
TEST_F(RetryTest, EveryArrayIsBounded) {
    std::string states = R"("failed")";
    for (int i = 0; i < 2000; ++i) states += R"(,"failed")";
    for (const auto* url : {"/v1/jobs:retry", "/v1/jobs:cancel"}) {
        const auto answer = post(url, fmt::format(R"({{"status":[{}],"dry_run":true}})", states));
        EXPECT_EQ(code(answer), "invalid_value");
        EXPECT_NE(answer.body.find("`status` has 2001 entries; the maximum is "), std::string::npos)
            << answer.body;
    }
    const auto twice = post("/v1/jobs:retry", R"({"status":["failed","failed"]})");
    EXPECT_EQ(code(twice), "invalid_value");
    EXPECT_NE(twice.body.find(R"(names \"failed\" twice)"), std::string::npos) << twice.body;
    std::string ids = R"("job_00000000000000000000000000")";
    for (int i = 0; i < 500; ++i) ids += R"(,"job_00000000000000000000000000")";
    const auto many = post("/v1/jobs:retry", fmt::format(R"({{"ids":[{}]}})", ids));
    EXPECT_EQ(code(many), "invalid_value");
    EXPECT_NE(many.body.find("`ids` has 501 entries; the maximum is 500"), std::string::npos)
        << many.body;
}

TEST_F(RetryTest, PutMakesOneJobOfAnIdAndABody) {
    const auto first = put("order-1", kJob);
    ASSERT_EQ(first.status, 202) << first.body;
    EXPECT_EQ(json(first)["client_id"], "order-1");
    EXPECT_TRUE(json(first)["id"].get<std::string>().starts_with("job_"));
    const auto again = put("order-1", kJob);
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.header("idempotency-replayed"), "true");
    EXPECT_EQ(json(again)["id"], json(first)["id"]);
    const auto other = put("order-1", kOtherJob);
    EXPECT_EQ(other.status, 422);
    EXPECT_EQ(code(other), "idempotency_key_reused");
    EXPECT_EQ(service_.submitted().size(), 1U);
    EXPECT_FALSE(service_.submitted()[0].idempotency->lifetime);
}

TEST_F(RetryTest, AClientsIdStandsForItsJobEverywhere) {
    const std::string id = json(put("order-1", kJob))["id"];
    EXPECT_EQ(json(get("/v1/jobs/order-1"))["id"], id);
    EXPECT_EQ(get("/v1/jobs/order-1/result").status, 202);
    EXPECT_EQ(json(post("/v1/jobs/order-1/cancel", ""))["id"], id);
    EXPECT_EQ(code(post("/v1/jobs/order-1/retry", "")), "job_not_retryable");
    for (const auto* path : {"/v1/jobs/order-2", "/v1/jobs/order-2/result",
                             "/v1/jobs/order-2/events", "/v1/jobs/a%20b"}) {
        EXPECT_EQ(get(path).status, 404) << path;
    }
}

TEST_F(RetryTest, RefusesIdsThatAClientMayNotGive) {
    // No client could request the last ones: clients remove them from a path.
    for (const auto& id : {std::string("job_1"), std::string("a%20b"), std::string(65, 'x'),
                           std::string("."), std::string(".."), std::string("%2E%2e")}) {
        EXPECT_EQ(code(put(id, kJob)), "invalid_client_id") << id;
    }
    EXPECT_EQ(put(std::string(64, 'x'), kJob).status, 202);
    EXPECT_EQ(put("...", kJob).status, 202);
}

TEST_F(RetryTest, ARequestThatAnSdkSendsAgainIsAnsweredWithItsJob) {
    const auto first = sent(0);
    ASSERT_EQ(first.status, 202);
    EXPECT_FALSE(first.headers.contains("idempotency-replayed"));
    for (const int count : {1, 2}) {
        const auto again = sent(count);
        EXPECT_EQ(again.status, 200);
        EXPECT_EQ(again.header("idempotency-replayed"), "heuristic");
        EXPECT_EQ(json(again)["id"], json(first)["id"]);
    }
    EXPECT_EQ(sent(1, kOtherJob).status, 202);
}

TEST_F(RetryTest, TwoFirstTriesOfAnSdkAreTwoJobs) {
    const auto one = sent(0);
    const auto two = sent(0);
    EXPECT_EQ(two.status, 202);
    EXPECT_NE(json(one)["id"], json(two)["id"]);
}

TEST_F(RetryTest, ABodyIsRememberedAsLongAsTheSdkWaitsAndAPause) {
    using std::chrono::minutes;
    const auto lifetime = [&](const std::string& headers) {
        post("/v1/jobs", kJob, "x-stainless-retry-count: 0\r\n" + headers);
        return service_.submitted().back().idempotency->lifetime;
    };
    EXPECT_EQ(lifetime("x-stainless-read-timeout: 60\r\n"), minutes(3));
    EXPECT_EQ(lifetime("x-stainless-timeout: 120.5\r\n"), minutes(4));
    EXPECT_EQ(lifetime(""), minutes(12));
    EXPECT_EQ(lifetime("x-stainless-read-timeout: soon\r\n"), minutes(12));
}

TEST_F(RetryTest, NoBodyIsRememberedWithoutTheHeaderOrTheSetting) {
    post("/v1/jobs", kJob);
    EXPECT_FALSE(service_.submitted().back().idempotency);
    start({}, {.sdk_retries = false});
    sent(0);
    EXPECT_FALSE(service_.submitted().back().idempotency);
    EXPECT_EQ(sent(1).status, 202);
}

TEST_F(RetryTest, AKeyCountsMoreThanTheBody) {
    post("/v1/jobs", kJob, "x-stainless-retry-count: 1\r\nIdempotency-Key: k\r\n");
    EXPECT_EQ(service_.submitted().back().idempotency->key, "k");
}

}  // namespace
}  // namespace millrace::test

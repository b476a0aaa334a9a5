// Prefer: wait, and the effect of draining on it and on event streams. job_wait_test.cc, which
// needs no clock, tests that answers come before the wait is over.
#include "tests/unit/api/wait_fixture.h"

namespace millrace::test {
namespace {

using storage::JobRecord;

TEST_F(WaitTest, SubmitWaitsForTheResult) {
    auto connection = client();
    connection.send(post_request("/v1/jobs", kJob, "Prefer: wait=30\r\n"));
    await_watchers(1);
    const auto requests = service_.submitted();
    const auto listed = json(get("/v1/jobs"));
    const auto id = JobId::parse(std::string(listed["data"][0]["id"]));
    service_.finish(*id, JobState::kCompleted, R"({"text":"hello"})");
    const auto answer = connection.response();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("preference-applied"), "wait=30");
    EXPECT_EQ(answer.header("location"), path(*id));
    EXPECT_EQ(json(answer)["output"]["text"], "hello");
    await_watchers(0);
}

TEST_F(WaitTest, SubmitAnswersWithTheJobWhenTheWaitIsOver) {
    const auto answer = post("/v1/jobs", kJob, "Prefer: respond-async, wait=1\r\n");
    EXPECT_EQ(answer.status, 202);
    EXPECT_EQ(json(answer)["status"], "queued");
    EXPECT_EQ(answer.header("preference-applied"), "wait=1");
    await_watchers(0);
}

TEST_F(WaitTest, PollReturnsAsSoonAsTheJobIsFinal) {
    const auto id = service_.put();
    for (const auto* rest : {"", "/result"}) {
        auto connection = client();
        connection.send(get_request(path(id) + rest, "Prefer: wait=\"40\"\r\n"));
        if (*rest == '\0') {
            await_watchers(1);
            service_.finish(id, JobState::kCompleted, R"({"text":"hello"})");
        }
        const auto answer = connection.response();
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.header("preference-applied"), "wait=40");
        EXPECT_NE(answer.body.find("hello"), std::string::npos);
    }
    await_watchers(0);
}

TEST_F(WaitTest, PollAnswersWithTheLatestStateWhenTheWaitIsOver) {
    const auto id = service_.put();
    auto connection = client();
    connection.send(get_request(path(id), "Prefer: wait=1\r\n"));
    await_watchers(1);
    service_.change(id, [](JobRecord& job) { job.state = JobState::kInProgress; });
    const auto answer = connection.response();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(json(answer)["status"], "in_progress");
}

TEST_F(WaitTest, PollIsAnsweredEvenIfTheStoreDoesNotAnswer) {
    const auto id = service_.put();
    service_.hold();
    const auto answer = get(path(id), "Prefer: wait=1\r\n");
    EXPECT_EQ(answer.status, 503);
    service_.release();
    await_watchers(0);
}

TEST_F(WaitTest, WaitsAreCappedAndOddOnesIgnored) {
    api::codec::ApiOptions options;
    options.wait_max = milliseconds(1000);
    start({}, options);
    const auto id = service_.put();
    EXPECT_EQ(get(path(id), "Prefer: wait=3600\r\n").header("preference-applied"), "wait=1");
    EXPECT_EQ(get(path(id), "Prefer: wait=99999999999999999999\r\n").header("preference-applied"),
              "wait=1");
    EXPECT_EQ(get(path(id), "Prefer: wait=0.25\r\n").header("preference-applied"), "wait=0.25");
    for (const auto* prefer :
         {"wait=0", "wait", "wait=", "wait=-1", "wait=1s", "wait=inf", "wait=nan", "waiting=1"}) {
        const auto answer = get(path(id), std::string("Prefer: ") + prefer + "\r\n");
        EXPECT_EQ(answer.status, 200);
        EXPECT_FALSE(answer.headers.contains("preference-applied")) << prefer;
    }
}

TEST_F(WaitTest, IfTooManyWaitTheJobIsAnsweredAsItIs) {
    service_.refuse_watches();
    const auto answer = post("/v1/jobs", kJob, "Prefer: wait=30\r\n");
    EXPECT_EQ(answer.status, 202);
    EXPECT_FALSE(answer.headers.contains("preference-applied"));
    const auto id = service_.put();
    EXPECT_EQ(get(path(id), "Prefer: wait=30\r\n").status, 200);
    EXPECT_EQ(code(get(path(id) + "/events")), "overloaded");
}

TEST_F(WaitTest, AcceptedJobIsAnsweredEvenIfItCannotBeReadBack) {
    service_.fail_reads(Error{ErrorCode::kUnavailable, "away"});
    const auto answer = post("/v1/jobs", kJob, "Prefer: wait=1\r\n");
    EXPECT_EQ(answer.status, 202);
    EXPECT_EQ(json(answer)["status"], "queued");
}

TEST_F(WaitTest, WaitEndsWhenTheClientHangsUp) {
    const auto id = service_.put();
    {
        auto connection = client();
        connection.send(get_request(path(id), "Prefer: wait=50\r\n"));
        await_watchers(1);
    }
    await_watchers(0);
}

// A client that has closed its sending side (nc -N) still reads.
TEST_F(WaitTest, AClientThatEndsItsSideAfterTheRequestGetsItsAnswer) {
    const auto id = service_.put();
    auto connection = client();
    connection.send(get_request(path(id), "Prefer: wait=50\r\n"));
    connection.finish_sending();
    EXPECT_EQ(connection.response().status, 100) << "it is asked whether it is still there";
    await_watchers(1);
    service_.finish(id, JobState::kCompleted, R"({"text":"hello"})");
    const auto answer = connection.response();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(json(answer)["output"]["text"], "hello");
    EXPECT_TRUE(connection.is_closed_by_server());
}

TEST_F(WaitTest, AnHttp10ClientThatEndsItsSideGetsOnlyItsAnswer) {
    const auto id = service_.put();
    auto connection = client();
    connection.send("GET " + path(id) + " HTTP/1.0\r\nPrefer: wait=50\r\n\r\n");
    connection.finish_sending();
    await_watchers(1);
    service_.finish(id, JobState::kCancelled);
    EXPECT_EQ(json(connection.response())["status"], "cancelled");
    EXPECT_TRUE(connection.is_closed_by_server());
}

TEST_F(WaitTest, AClientThatEndsItsSideOfAStreamReadsItToTheEnd) {
    start({.heartbeat_interval = milliseconds(20)});
    const auto id = service_.put();
    auto connection = client();
    connection.send(get_request(path(id) + "/events"));
    connection.finish_sending();
    connection.read_until(": keepalive");
    service_.finish(id, JobState::kCancelled);
    EXPECT_NE(connection.read_all().find("job.cancelled"), std::string::npos);
    await_watchers(0);
}

TEST_F(WaitTest, AStreamEndsWhenTheClientHangsUp) {
    const auto id = service_.put();
    {
        auto connection = client();
        connection.send(get_request(path(id) + "/events"));
        connection.read_until("job.queued");
    }
    await_watchers(0);
}

TEST_F(WaitTest, NextRequestMayComeWhileTheFirstWaits) {
    const auto id = service_.put();
    auto connection = client();
    connection.send(get_request(path(id), "Prefer: wait=50\r\n"));
    await_watchers(1);
    connection.send(get_request("/healthz"));
    service_.finish(id, JobState::kCancelled);
    EXPECT_EQ(json(connection.response())["status"], "cancelled");
    EXPECT_EQ(json(connection.response())["status"], "ok");
}

TEST_F(WaitTest, DrainAnswersWaitingRequestsAndClosesTheRest) {
    const auto id = service_.put();
    auto idle = client();
    EXPECT_EQ(idle.exchange(get_request("/healthz")).status, 200);
    auto waiting = client();
    waiting.send(get_request(path(id), "Prefer: wait=50\r\n"));
    auto streaming = client();
    streaming.send(get_request(path(id) + "/events"));
    streaming.read_until("job.queued");
    await_watchers(2);
    server_->drain(std::chrono::steady_clock::now() + std::chrono::seconds(20));
    const auto answer = waiting.response();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(json(answer)["status"], "queued");
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_TRUE(idle.is_closed_by_server());
    EXPECT_NE(streaming.read_all().find("retry: "), std::string::npos);
    await_watchers(0);
}

TEST_F(WaitTest, DrainGivesUpAtItsDeadline) {
    service_.hold();
    auto stuck = client();
    stuck.send(post_request("/v1/jobs", kJob));
    EXPECT_TRUE(eventually([&] { return service_.calls_held() == 1; }));
    server_->drain(std::chrono::steady_clock::now());
    server_->stop();
    EXPECT_TRUE(stuck.is_closed_by_server());
    service_.release();
}

}  // namespace
}  // namespace millrace::test

// Prefer: wait, event streams, and what draining does to both. That answers come before the wait is
// over is job_wait_test.cc's, which needs no clock.
#include "tests/support/eventually.h"
#include "tests/unit/api/server_fixture.h"

namespace millrace::test {
namespace {

using gateway::JobNotice;
using storage::JobRecord;
using Kind = gateway::JobNotice::Kind;

class WaitTest : public ServerTest {
 protected:
    void await_watchers(std::size_t count) {
        EXPECT_TRUE(eventually([&] { return service_.watchers() == count; }, "watchers"));
    }
    std::string path(const JobId& id) { return "/v1/jobs/" + id.str(); }
};

class EventsTest : public WaitTest {
 protected:
    RawClient open(const JobId& id) {
        auto connection = client();
        connection.send(get_request(path(id) + "/events"));
        const auto head = connection.response();
        EXPECT_EQ(head.status, 200);
        EXPECT_EQ(head.header("content-type"), "text/event-stream");
        EXPECT_EQ(head.header("transfer-encoding"), "chunked");
        return connection;
    }

    // The next event's data; checks that its lines agree.
    static Json event(RawClient& connection) {
        connection.read_until("id: ");
        const auto frame = connection.read_until("\n\n");
        const auto data = Json::parse(frame.substr(frame.find("data: ") + 6), nullptr, false);
        EXPECT_TRUE(data.is_object()) << frame;
        EXPECT_TRUE(frame.starts_with(data["sequence_number"].dump() + "\n")) << frame;
        EXPECT_NE(frame.find("event: " + std::string(data["type"]) + "\n"), std::string::npos);
        return data;
    }
    static std::string type(RawClient& connection) { return event(connection)["type"]; }
};

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

TEST_F(WaitTest, PollIsAnsweredEvenWhereTheStoreDoesNot) {
    const auto id = service_.put();
    service_.hold();
    const auto answer = get(path(id), "Prefer: wait=1\r\n");
    EXPECT_EQ(answer.status, 503);
    service_.release();
    await_watchers(0);
}

TEST_F(WaitTest, WaitsAreCappedAndOddOnesIgnored) {
    api::ApiOptions options;
    options.wait_max = milliseconds(1000);
    start(options);
    const auto id = service_.put();
    EXPECT_EQ(get(path(id), "Prefer: wait=3600\r\n").header("preference-applied"), "wait=1");
    for (const auto* prefer : {"wait=0", "wait", "wait=", "wait=-1", "wait=1.5", "waiting=1"}) {
        const auto answer = get(path(id), std::string("Prefer: ") + prefer + "\r\n");
        EXPECT_EQ(answer.status, 200);
        EXPECT_FALSE(answer.headers.contains("preference-applied")) << prefer;
    }
}

TEST_F(WaitTest, WhereTooManyWaitTheJobIsAnsweredAsItIs) {
    service_.refuse_watches();
    const auto answer = post("/v1/jobs", kJob, "Prefer: wait=30\r\n");
    EXPECT_EQ(answer.status, 202);
    EXPECT_FALSE(answer.headers.contains("preference-applied"));
    const auto id = service_.put();
    EXPECT_EQ(get(path(id), "Prefer: wait=30\r\n").status, 200);
    EXPECT_EQ(code(get(path(id) + "/events")), "overloaded");
}

TEST_F(WaitTest, AcceptedJobIsAnsweredEvenWhereItCannotBeReadBack) {
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

TEST_F(WaitTest, DrainAnswersWhatWaitsAndClosesTheRest) {
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

TEST_F(EventsTest, TellTheWholeLifeOfAJobInOrder) {
    const auto id = service_.put();
    auto connection = open(id);
    EXPECT_EQ(event(connection)["status"], "queued");
    EXPECT_EQ(type(connection), "job.queued");
    service_.notify(id, {.kind = Kind::kStarted, .epoch = 1, .text = "gpu-7"});
    service_.notify(id, {.kind = Kind::kPartial, .epoch = 1, .sequence = 1, .text = "Hel"});
    service_.notify(
        id,
        {.kind = Kind::kProgress, .epoch = 1, .sequence = 2, .text = "decoding", .fraction = .5});
    service_.notify(id, {.kind = Kind::kPartial, .epoch = 1, .sequence = 3, .text = "lo\n"});
    const auto started = event(connection);
    EXPECT_EQ(started["type"], "job.started");
    EXPECT_EQ(started["worker"], "gpu-7");
    EXPECT_EQ(started["job_id"], id.str());
    EXPECT_EQ(event(connection)["delta"], "Hel");
    const auto progress = event(connection);
    EXPECT_EQ(progress["progress"]["fraction"], .5);
    EXPECT_EQ(progress["progress"]["message"], "decoding");
    EXPECT_EQ(event(connection)["delta"], "lo\n");
    service_.finish(id, JobState::kCompleted, "{\n  \"text\": \"hello\"\r\n}");
    const auto last = event(connection);
    EXPECT_EQ(last["type"], "job.completed");
    EXPECT_EQ(last["status"], "completed");
    EXPECT_EQ(last["sequence_number"], 7);
    EXPECT_EQ(last["job"]["output"]["text"], "hello");
    EXPECT_EQ(connection.read_all(), "\r\n0\r\n\r\n");
    await_watchers(0);
}

TEST_F(EventsTest, BeginWithWhatIsThereAlready) {
    const auto id = service_.put([](JobRecord& job) {
        job.state = JobState::kInProgress;
        job.epoch = 3;
        job.worker_name = "gpu-7";
        job.partial_text = "Hel";
        job.partial_sequence = 5;
    });
    auto connection = open(id);
    EXPECT_EQ(type(connection), "job.created");
    EXPECT_EQ(type(connection), "job.queued");
    EXPECT_EQ(event(connection)["epoch"], 3);
    EXPECT_EQ(event(connection)["delta"], "Hel");
    // What the snapshot has already, and what an earlier attempt still says, is dropped.
    service_.notify(id, {.kind = Kind::kStarted, .epoch = 3});
    service_.notify(id, {.kind = Kind::kPartial, .epoch = 3, .sequence = 5, .text = "Hel"});
    service_.notify(id, {.kind = Kind::kPartial, .epoch = 2, .sequence = 9, .text = "old"});
    service_.notify(id, {.kind = Kind::kPartial, .epoch = 3, .sequence = 6, .text = "lo"});
    EXPECT_EQ(event(connection)["delta"], "lo");
}

TEST_F(EventsTest, SayThatAJobRunsAnew) {
    const auto id = service_.put([](JobRecord& job) {
        job.state = JobState::kInProgress;
        job.epoch = 1;
    });
    auto connection = open(id);
    for (int i = 0; i < 3; ++i) type(connection);
    service_.notify(id, {.kind = Kind::kRequeued, .epoch = 1, .state = JobState::kScheduled});
    const auto retrying = event(connection);
    EXPECT_EQ(retrying["type"], "job.retrying");
    EXPECT_EQ(retrying["status"], "scheduled");
    // The start was lost; its text tells all the same.
    service_.notify(id, {.kind = Kind::kPartial, .epoch = 2, .sequence = 4, .text = "new"});
    EXPECT_EQ(event(connection)["epoch"], 2);
    EXPECT_EQ(event(connection)["delta"], "new");
}

TEST_F(EventsTest, OfAFinalJobEndAtOnce) {
    const auto id = service_.put();
    service_.finish(id, JobState::kFailed);
    auto connection = open(id);
    EXPECT_EQ(type(connection), "job.created");
    EXPECT_EQ(type(connection), "job.queued");
    const auto last = event(connection);
    EXPECT_EQ(last["type"], "job.failed");
    EXPECT_EQ(last["job"]["error"]["code"], "bad_prompt");
    EXPECT_EQ(connection.read_all(), "\r\n0\r\n\r\n");
}

TEST_F(EventsTest, EndEvenWhereTheFinalJobCannotBeRead) {
    const auto id = service_.put();
    auto connection = open(id);
    type(connection);
    type(connection);
    service_.fail_reads(Error{ErrorCode::kUnavailable, "away"});
    service_.finish(id, JobState::kCancelled);
    const auto last = event(connection);
    EXPECT_EQ(last["type"], "job.cancelled");
    EXPECT_TRUE(last["job"].is_null());
}

TEST_F(EventsTest, ComeUnchunkedOverHttp10) {
    const auto id = service_.put();
    service_.finish(id, JobState::kCompleted, "1");
    auto connection = client();
    connection.send("GET " + path(id) + "/events HTTP/1.0\r\n\r\n");
    const auto all = connection.read_all();
    EXPECT_EQ(all.find("chunked"), std::string::npos);
    EXPECT_TRUE(all.ends_with("\n\n"));
    EXPECT_NE(all.find("event: job.completed"), std::string::npos);
}

TEST_F(EventsTest, KeepSilentConnectionsAlive) {
    api::ApiOptions options;
    options.heartbeat_interval = milliseconds(20);
    start(options);
    auto connection = open(service_.put());
    connection.read_until("keepalive");
    connection.read_until("keepalive");
}

TEST_F(EventsTest, StopWhenTheReaderHangsUp) {
    {
        auto connection = open(service_.put());
        await_watchers(1);
    }
    await_watchers(0);
}

TEST_F(EventsTest, CutOffAReaderThatDoesNotRead) {
    api::ApiOptions options;
    options.event_queue_bytes_max = 64 * 1024;
    start(options);
    const auto id = service_.put();
    auto connection = open(id);
    await_watchers(1);
    const std::string text(64 * 1024, 'x');
    std::uint32_t sequence = 0;
    EXPECT_TRUE(eventually([&] {
        for (int i = 0; i < 20; ++i) {
            service_.notify(
                id, {.kind = Kind::kPartial, .epoch = 1, .sequence = ++sequence, .text = text});
        }
        return service_.watchers() == 0;
    }));
}

}  // namespace
}  // namespace millrace::test

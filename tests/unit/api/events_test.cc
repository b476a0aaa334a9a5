// Event streams: what a reader receives from where it joins to the end.
#include "tests/unit/api/wait_fixture.h"

namespace millrace::test {
namespace {

using service::JobNotice;
using storage::JobRecord;
using Kind = service::JobNotice::Kind;

class EventsTest : public WaitTest {
 protected:
    RawClient open(const JobId& id, const std::string& last_event_id = {}) {
        auto connection = client();
        const auto header =
            last_event_id.empty() ? std::string() : "Last-Event-ID: " + last_event_id + "\r\n";
        connection.send(get_request(path(id) + "/events", header));
        const auto head = connection.response();
        EXPECT_EQ(head.status, 200);
        EXPECT_EQ(head.header("content-type"), "text/event-stream");
        EXPECT_EQ(head.header("transfer-encoding"), "chunked");
        return connection;
    }

    // Returns the next event's data; checks that its lines agree, and keeps its id.
    Json event(RawClient& connection) {
        connection.read_until("id: ");
        const auto frame = connection.read_until("\n\n");
        last_id_ = frame.substr(0, frame.find('\n'));
        const auto data = Json::parse(frame.substr(frame.find("data: ") + 6), nullptr, false);
        EXPECT_TRUE(data.is_object()) << frame;
        EXPECT_NE(frame.find("event: " + std::string(data["type"]) + "\n"), std::string::npos);
        return data;
    }
    std::string type(RawClient& connection) { return event(connection)["type"]; }
    void notify_text(const JobId& id, std::uint32_t sequence, std::uint64_t offset,
                     const std::string& text, Epoch epoch = 1) {
        service_.notify(id, {.kind = Kind::kPartial,
                             .epoch = epoch,
                             .sequence = sequence,
                             .text = text,
                             .offset = offset});
    }
    JobId put_running(const std::string& text, Epoch epoch = 1) {
        return service_.put([&](JobRecord& job) {
            job.state = JobState::kInProgress;
            job.epoch = epoch;
            job.worker_name = "gpu-7";
            if (!text.empty()) job.partial_text = text;
        });
    }

    std::string last_id_;
};

TEST_F(EventsTest, ShowTheWholeLifeOfAJobInOrder) {
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

TEST_F(EventsTest, BeginWithTheCurrentStateAndText) {
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
    // Text that the snapshot already has, and late text of an earlier attempt, is dropped.
    service_.notify(id, {.kind = Kind::kStarted, .epoch = 3});
    service_.notify(id, {.kind = Kind::kPartial, .epoch = 3, .sequence = 5, .text = "Hel"});
    service_.notify(id, {.kind = Kind::kPartial, .epoch = 2, .sequence = 9, .text = "old"});
    service_.notify(id, {.kind = Kind::kPartial, .epoch = 3, .sequence = 6, .text = "lo"});
    EXPECT_EQ(event(connection)["delta"], "lo");
}

TEST_F(EventsTest, FillAHoleFromTheRow) {
    const auto id = put_running("0 1 2 ");
    auto connection = open(id);
    for (int i = 0; i < 3; ++i) type(connection);
    EXPECT_EQ(event(connection)["delta"], "0 1 2 ");
    // "3 4 " came before anybody listened, and is not in the row yet.
    notify_text(id, 9, 10, "5 6 ");
    service_.change(id, [](JobRecord& job) { job.partial_text = "0 1 2 3 4 5 "; });
    const auto filled = event(connection);
    EXPECT_EQ(filled["delta"], "3 4 5 6 ");
    EXPECT_EQ(filled["epoch"], 1);
    EXPECT_EQ(filled["offset"], 6);
    notify_text(id, 10, 14, "7");
    EXPECT_EQ(event(connection)["delta"], "7");
}

TEST_F(EventsTest, FillAHoleFromTheOutputIfTheJobEndsFirst) {
    const auto id = put_running("0 1 2 ");
    auto connection = open(id);
    for (int i = 0; i < 4; ++i) type(connection);
    notify_text(id, 9, 10, "5");
    service_.finish(id, JobState::kCompleted, R"({"text":"0 1 2 3 4 5"})");
    EXPECT_EQ(event(connection)["delta"], "3 4 5");
    EXPECT_EQ(event(connection)["type"], "job.completed");
}

// A reader that keeps the text of an earlier attempt as the output has a wrong one.
TEST_F(EventsTest, VoidTheTextOfAFailedAttemptAtTheEnd) {
    const auto id = put_running("wrong");
    auto connection = open(id);
    for (int i = 0; i < 4; ++i) type(connection);
    service_.change(id, [](JobRecord& job) { job.epoch = 2; });
    service_.finish(id, JobState::kCompleted, R"({"text":"right"})");
    const auto started = event(connection);
    EXPECT_EQ(started["type"], "job.started");
    EXPECT_EQ(started["epoch"], 2);
    EXPECT_EQ(event(connection)["delta"], "right");
    EXPECT_EQ(event(connection)["type"], "job.completed");
}

TEST_F(EventsTest, SendNoDeltaThatContradictsTheOutput) {
    const auto id = put_running("0 1 2 ");
    auto connection = open(id);
    for (int i = 0; i < 4; ++i) type(connection);
    notify_text(id, 9, 10, "5");
    // The output differs from the text that was sent before.
    service_.finish(id, JobState::kCompleted, R"({"text":"zero one two three"})");
    EXPECT_EQ(event(connection)["type"], "job.completed");
}

TEST_F(EventsTest, ContinueWhereTheReaderWas) {
    const auto id = put_running("Hel");
    {
        auto connection = open(id);
        for (int i = 0; i < 4; ++i) type(connection);
        notify_text(id, 1, 3, "lo");
        EXPECT_EQ(event(connection)["delta"], "lo");
    }
    // The row lags behind the reader.
    auto connection = open(id, last_id_);
    await_watchers(1);
    notify_text(id, 1, 3, "lo");
    notify_text(id, 2, 5, ", world");
    EXPECT_EQ(event(connection)["delta"], ", world");
    service_.change(id, [](JobRecord& job) { job.partial_text = "Hello, world!"; });
    // The row is ahead of the reader.
    auto again = open(id, last_id_);
    const auto delta = event(again);
    EXPECT_EQ(delta["delta"], "!");
    EXPECT_EQ(delta["sequence_number"], 1);
}

TEST_F(EventsTest, ContinueWhereTheReaderWasEvenAfterTheEnd) {
    const auto id = put_running("Hello");
    {
        auto connection = open(id);
        for (int i = 0; i < 4; ++i) type(connection);
    }
    const auto cursor = last_id_;
    service_.finish(id, JobState::kCompleted, R"({"text":"Hello, world"})");
    auto connection = open(id, cursor);
    EXPECT_EQ(event(connection)["delta"], ", world");
    EXPECT_EQ(event(connection)["type"], "job.completed");
}

TEST_F(EventsTest, BeginAgainIfTheReaderHasMoreThanThereIs) {
    const auto id = put_running("Hello");
    service_.finish(id, JobState::kCompleted, R"({"text":"Hello"})");
    auto connection = open(id, "1-6-0123456789abcdef");
    EXPECT_EQ(type(connection), "job.created");
}

TEST_F(EventsTest, BeginAgainIfTheReaderHasAnotherText) {
    const auto id = put_running("Hel");
    {
        auto connection = open(id);
        for (int i = 0; i < 4; ++i) type(connection);
    }
    const auto cursor = last_id_;
    for (const auto& last : {std::string("3"), std::string("2-3-0123456789abcdef"), cursor}) {
        if (last == cursor) service_.change(id, [](JobRecord& job) { job.epoch = 2; });
        auto connection = open(id, last);
        EXPECT_EQ(type(connection), "job.created") << last;
        EXPECT_EQ(type(connection), "job.queued");
        EXPECT_EQ(type(connection), "job.started");
        EXPECT_EQ(event(connection)["delta"], "Hel");
    }
    // The id of this attempt's text, but not of how it begins.
    const auto of_second = last_id_;
    service_.change(id, [](JobRecord& job) { job.partial_text = "Hallo"; });
    auto connection = open(id, of_second);
    EXPECT_EQ(type(connection), "job.created");
}

// The id belongs to another job's text; nothing contradicts it before the row has text.
TEST_F(EventsTest, BeginAgainOnceTheRowShowsThatTheReaderHasAnotherText) {
    const auto id = put_running("");
    service_.change(id, [](JobRecord& job) { job.partial_text.reset(); });
    auto connection = open(id, "1-2-0123456789abcdef");
    await_watchers(1);
    notify_text(id, 2, 5, ", world");
    service_.change(id, [](JobRecord& job) { job.partial_text = "Hello, world"; });
    EXPECT_EQ(type(connection), "job.created");
    EXPECT_EQ(type(connection), "job.queued");
    EXPECT_EQ(type(connection), "job.started");
    EXPECT_EQ(event(connection)["delta"], "Hello, world");
    notify_text(id, 3, 12, "!");
    EXPECT_EQ(event(connection)["delta"], "!");
}

TEST_F(EventsTest, ShowAReaderThatComesBackThatTheJobWaitsAgain) {
    const auto id = put_running("Hel");
    {
        auto connection = open(id);
        for (int i = 0; i < 4; ++i) type(connection);
    }
    service_.change(id, [](JobRecord& job) {
        job.state = JobState::kScheduled;
        job.partial_text.reset();
        job.error_code = "overloaded";
    });
    auto connection = open(id, last_id_);
    const auto retrying = event(connection);
    EXPECT_EQ(retrying["type"], "job.retrying");
    EXPECT_EQ(retrying["error"]["code"], "overloaded");
    service_.notify(id, {.kind = Kind::kStarted, .epoch = 2, .text = "gpu-8"});
    notify_text(id, 1, 0, "new", 2);
    EXPECT_EQ(event(connection)["epoch"], 2);
    EXPECT_EQ(event(connection)["delta"], "new");
}

TEST_F(EventsTest, SayThatAJobRunsAgain) {
    const auto id = service_.put([](JobRecord& job) {
        job.state = JobState::kInProgress;
        job.epoch = 1;
    });
    auto connection = open(id);
    for (int i = 0; i < 3; ++i) type(connection);
    service_.notify(id, {.kind = Kind::kRequeued,
                         .epoch = 1,
                         .text = "The server is busy.",
                         .state = JobState::kScheduled,
                         .error_code = "overloaded"});
    const auto retrying = event(connection);
    EXPECT_EQ(retrying["type"], "job.retrying");
    EXPECT_EQ(retrying["status"], "scheduled");
    EXPECT_EQ(retrying["error"]["code"], "overloaded");
    EXPECT_EQ(retrying["error"]["message"], "The server is busy.");
    // The start was lost, but its text shows that it happened.
    service_.notify(id, {.kind = Kind::kPartial, .epoch = 2, .sequence = 4, .text = "new"});
    EXPECT_EQ(event(connection)["epoch"], 2);
    EXPECT_EQ(event(connection)["delta"], "new");
}

TEST_F(EventsTest, AStreamOfAFinalJobEndsAtOnce) {
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

TEST_F(EventsTest, EndEvenIfTheFinalJobCannotBeRead) {
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
    server::ServerOptions options;
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
    server::ServerOptions options;
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

// The gateway behind its API on a real PostgreSQL and librdkafka's mock cluster.
#include "producer/app/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "common/broker/kafka/kafka_broker.h"
#include "common/storage/postgres/postgres_job_store.h"
#include "common/wire/messages.h"
#include "tests/support/broker_fixtures.h"
#include "tests/support/eventually.h"
#include "tests/support/migrated_postgres.h"

namespace millrace::gateway {
namespace {

using std::chrono::seconds;
using test::eventually;
using testing::SizeIs;

// One cluster for all tests: starting it takes most of their time.
const std::string& bootstrap() {
    static const test::MockBrokerFixture broker;
    static const std::string address = broker.bootstrap();
    return address;
}

class GatewayIntegrationTest : public testing::Test {
 protected:
    void SetUp() override {
        auto broker = broker::kafka::make_kafka_broker(
            {.bootstrap = bootstrap(), .fetch_wait_max = milliseconds(10)});
        ASSERT_TRUE(broker.has_value()) << broker.error().message;
        broker_ = *std::move(broker);
        gateway_ = std::make_unique<Gateway>(
            options(), Dependencies{system_clock(), system_random(), *broker_, open_store_, [this] {
                                        return storage::postgres::check_schema(store_options_);
                                    }});
        const auto started = gateway_->start();
        ASSERT_TRUE(started.has_value()) << started.error().message;
    }

    GatewayOptions options() const {
        GatewayOptions options;
        options.queues = {"default"};
        options.topic_prefix = postgres_.database();  // Unique to this test.
        options.partitions = 1;
        options.topics_interval = milliseconds(200);
        options.probe_interval = milliseconds(100);
        options.keeper.interval = milliseconds(100);
        options.keeper.lease_ttl = milliseconds(600);
        return options;
    }

    static service::SubmitRequest request() {
        service::SubmitRequest request;
        request.spec.queue = "default";
        request.spec.model = "echo";
        request.spec.input_json = R"({"prompt":"hello"})";
        request.spec.policy = {.execution_timeout = seconds(60), .attempts_max = 3};
        return request;
    }
    // PostgreSQL's jsonb cannot hold U+0000.
    static service::SubmitRequest poison() {
        auto poison = request();
        poison.spec.metadata_json = R"({"key":"\u0000"})";
        return poison;
    }

    std::vector<service::SubmitResult> submit(std::vector<service::SubmitRequest> requests) {
        std::promise<std::vector<service::SubmitResult>> answer;
        gateway_->services().submissions.submit_many(
            std::move(requests), [&](std::vector<service::SubmitResult> results) {
                answer.set_value(std::move(results));
            });
        return answer.get_future().get();
    }
    JobId submit_one() {
        const auto answer = submit({request()}).at(0);
        if (answer) return answer->id;
        ADD_FAILURE() << to_string(answer.error().error);
        return {};
    }
    Result<storage::JobRecord> get(JobId id) {
        std::promise<Result<storage::JobRecord>> answer;
        gateway_->services().reads.get(
            id, {}, [&](Result<storage::JobRecord> r) { answer.set_value(std::move(r)); });
        return answer.get_future().get();
    }
    Result<storage::JobRecord> cancel(JobId id) {
        std::promise<Result<storage::JobRecord>> answer;
        gateway_->services().commands.cancel(
            id, [&](Result<storage::JobRecord> r) { answer.set_value(std::move(r)); });
        return answer.get_future().get();
    }
    service::Readiness readiness() {
        std::promise<service::Readiness> answer;
        gateway_->services().fleet.readiness(
            [&](service::Readiness readiness) { answer.set_value(std::move(readiness)); });
        return answer.get_future().get();
    }
    WorkerId register_worker(storage::JobStore& store) {
        storage::WorkerInfo worker;
        worker.id = WorkerId(ids_.next(store.database_time()));
        worker.name = "w";
        worker.queues = {"default"};
        worker.models = {"echo"};
        EXPECT_TRUE(store.worker_register(worker).has_value());
        return worker.id;
    }

    test::MigratedPostgres postgres_;
    const storage::postgres::PostgresOptions store_options_{.conninfo = postgres_.conninfo()};
    const storage::OpenStore open_store_ = storage::postgres::postgres_store(store_options_);
    UuidGenerator ids_{system_random()};
    std::unique_ptr<broker::Broker> broker_;
    std::unique_ptr<Gateway> gateway_;
};

TEST_F(GatewayIntegrationTest, ASubmittedJobIsStoredAndTravels) {
    const auto lane = broker::Topics(postgres_.database()).jobs("default", Priority::kNormal);
    const auto subscriber = broker_->subscribe("workers", {lane});
    const auto job = submit_one();
    const auto record = get(job);
    ASSERT_TRUE(record.has_value()) << record.error().message;
    EXPECT_EQ(record->state, JobState::kQueued);
    EXPECT_EQ(record->model, "echo");

    std::optional<wire::Dispatch> message;
    // The first message may have been published before the topic existed; the jobs after it are not
    // lost.
    EXPECT_TRUE(eventually([&] {
        for (const auto& each : subscriber->poll(10, milliseconds(50))) {
            message = wire::decode_dispatch(each.value).value();
        }
        if (!message) submit({request()});
        return message.has_value();
    }));
    EXPECT_EQ(message->spec, request().spec);
}

TEST_F(GatewayIntegrationTest, OnlyTheGuiltyJobIsRefused) {
    auto requests = std::vector<service::SubmitRequest>(20, request());
    requests[7] = poison();
    const auto answers = submit(std::move(requests));
    ASSERT_EQ(answers.size(), 20U);
    for (std::size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i].has_value(), i != 7);
    EXPECT_EQ(answers[7].error().error.code, ErrorCode::kInvalidArgument);
}

TEST_F(GatewayIntegrationTest, AKeyAnswersWithTheFirstJob) {
    auto keyed = request();
    keyed.idempotency = storage::IdempotencyKey{"key", {1}};
    auto other = keyed;
    other.idempotency->fingerprint = {2};
    const auto first = submit({keyed}).at(0);
    const auto answers = submit({keyed, other});
    EXPECT_FALSE(first->replayed);
    EXPECT_TRUE(answers.at(0)->replayed);
    EXPECT_EQ(answers.at(0)->id, first->id);
    EXPECT_TRUE(answers.at(1)->key_reused);
}

TEST_F(GatewayIntegrationTest, AnUnknownJobIsNotFound) {
    const auto store = open_store_();
    ASSERT_TRUE(store->store_probe().has_value());
    const JobId nobody(ids_.next(store->database_time()));
    EXPECT_EQ(get(nobody).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(cancel(nobody).error().code, ErrorCode::kNotFound);
}

TEST_F(GatewayIntegrationTest, CancellingEndsAWaitingJobAndAsksARunningOne) {
    const auto store = open_store_();
    ASSERT_TRUE(store->store_probe().has_value());
    const auto worker = register_worker(*store);
    const auto waiting = submit_one();
    const auto running = submit_one();
    ASSERT_THAT(store->job_claim(worker, {running}).value(), SizeIs(1));
    EXPECT_EQ(cancel(waiting).value().state, JobState::kCancelled);
    EXPECT_EQ(cancel(running).value().state, JobState::kCancelling);
}

TEST_F(GatewayIntegrationTest, AWaiterLearnsTheEnd) {
    const auto job = submit_one();
    std::promise<JobState> end;
    const auto subscription = gateway_->services().events.watch(
        job, [&](const service::JobNotice& notice) { end.set_value(notice.state); });
    ASSERT_TRUE(open_store_()->job_cancel({job}).has_value());
    EXPECT_EQ(end.get_future().get(), JobState::kCancelled);
}

TEST_F(GatewayIntegrationTest, AScheduledJobIsReleased) {
    auto later = request();
    later.run_at = gateway_->services().fleet.database_now() + milliseconds(500);
    const auto answer = submit({later}).at(0);
    EXPECT_EQ(answer->state, JobState::kScheduled);
    EXPECT_TRUE(eventually([&] { return get(answer->id).value().state == JobState::kQueued; }));
}

TEST_F(GatewayIntegrationTest, TheJobOfADeadWorkerIsQueuedAgain) {
    const auto store = open_store_();
    ASSERT_TRUE(store->store_probe().has_value());
    const auto worker = register_worker(*store);
    const auto job = submit_one();
    ASSERT_THAT(store->job_claim(worker, {job}).value(), SizeIs(1));
    EXPECT_TRUE(eventually([&] { return get(job).value().state == JobState::kQueued; }));
    EXPECT_FALSE(store->worker_heartbeat(worker).value().alive);
}

TEST_F(GatewayIntegrationTest, ReadinessAsksForAWorker) {
    auto ready = readiness();
    EXPECT_TRUE(ready.store_commits) << ready.detail;
    EXPECT_TRUE(ready.schema_current) << ready.detail;
    EXPECT_FALSE(ready.workers_consume);
}

TEST_F(GatewayIntegrationTest, ModelsOfWorkersBecomeKnown) {
    const auto store = open_store_();
    ASSERT_TRUE(store->store_probe().has_value());
    register_worker(*store);
    std::promise<bool> known;
    gateway_->services().fleet.model_known("default", "echo",
                                           [&](bool answer) { known.set_value(answer); });
    EXPECT_TRUE(known.get_future().get());
    const auto worker = register_worker(*store);  // The first has been silent for too long by now.
    const auto serves = [&] {
        (void)store->worker_heartbeat(worker);
        return gateway_->services().fleet.has_worker("default", "echo");
    };
    EXPECT_TRUE(eventually(serves, "the model has a worker"));
    ASSERT_TRUE(store->worker_stop(worker).has_value());
    EXPECT_TRUE(
        eventually([&] { return !gateway_->services().fleet.has_worker("default", "echo"); },
                   "the model has no worker any more"));
}

}  // namespace
}  // namespace millrace::gateway

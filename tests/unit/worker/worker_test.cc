// A whole worker with its threads, over a store in memory and a broker that delivers nothing: every
// job is stolen, in real time.
#include "worker/app/worker.h"
#include "worker/app/generations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "tests/support/eventually.h"
#include "tests/support/memory_job_store.h"
#include "tests/support/new_job.h"
#include "worker/backends/synthetic/synthetic_backend.h"

namespace millrace::worker {
namespace {

using std::chrono::seconds;
using test::eventually;
using test::MemoryDatabase;
using test::MemoryJobStore;

class SilentSubscriber : public broker::Subscriber {
 public:
    std::vector<broker::IncomingMessage> poll(std::size_t, milliseconds timeout) override {
        std::unique_lock lock(mutex_);
        closes_.wait_for(lock, timeout, [this] { return closed_; });
        return {};
    }
    void done(const std::string&, std::int32_t, std::int64_t) override {}
    void pause(const std::string&) override {}
    void resume(const std::string&) override {}
    void close() override {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        closes_.notify_all();
    }

 private:
    std::mutex mutex_;
    std::condition_variable closes_;
    bool closed_ = false;
};

class SilentBroker : public broker::Broker {
 public:
    Status ensure_topics(const std::vector<broker::TopicSpec>&, milliseconds) override {
        return Error{ErrorCode::kUnavailable, "there is no broker"};
    }
    std::unique_ptr<broker::Publisher> make_publisher() override {
        struct Silent : broker::Publisher {
            std::size_t publish(const std::vector<broker::OutgoingMessage>&) override { return 0; }
            void flush(milliseconds) override {}
        };
        return std::make_unique<Silent>();
    }
    std::unique_ptr<broker::Subscriber> subscribe(const std::string&,
                                                  const std::vector<std::string>&) override {
        return std::make_unique<SilentSubscriber>();
    }
    std::unique_ptr<broker::Subscriber> tail(const std::vector<std::string>&) override {
        return std::make_unique<SilentSubscriber>();
    }
};

class WorkerTest : public testing::Test {
 protected:
    WorkerTest() {
        (void)store_.queue_register({"default"});
        worker_ = make_worker();
    }

    std::unique_ptr<Worker> make_worker(int backends_count = 1) {
        std::vector<std::unique_ptr<backends::Backend>> backends;
        for (int i = 0; i < backends_count; ++i) {
            backends.push_back(std::make_unique<backends::synthetic::SyntheticBackend>(
                backends::synthetic::SyntheticOptions{.has_faults = true}));
        }
        return std::make_unique<Worker>(
            [this] { return std::make_unique<MemoryJobStore>(database_); }, broker_,
            std::move(backends),
            WorkerOptions{.name = "test",
                          .host = "localhost",
                          .queues = {"default"},
                          .topic_prefix = "test",
                          .heartbeat_interval = milliseconds(100),
                          .claims = {.steal = {.bound = milliseconds(200)}},
                          .drain = {.timeout = seconds(30)}});
    }

    std::vector<JobId> submit(int count, const std::string& input) {
        std::vector<JobId> ids;
        for (int i = 0; i < count; ++i) {
            ids.emplace_back(uuids_.next(store_.database_time()));
            const JobSpec spec{{.queue = "default",
                                .model = "synthetic",
                                .policy = {.execution_timeout = seconds(60)}},
                               input,
                               {}};
            (void)store_.job_insert({test::new_job(ids.back(), spec)});
        }
        return ids;
    }
    bool all_are(const std::vector<JobId>& jobs, JobState state) {
        return std::ranges::all_of(
            jobs, [&](const auto& id) { return database_.job(id)->state == state; });
    }

    MemoryDatabase database_{system_clock()};
    MemoryJobStore store_{database_};
    UuidGenerator uuids_{system_random()};
    SilentBroker broker_;
    std::unique_ptr<Worker> worker_;
};

TEST_F(WorkerTest, RunsJobsAndStops) {
    ASSERT_TRUE(worker_->start().has_value());
    const auto jobs = submit(500, R"({"prompt":"hello"})");
    EXPECT_TRUE(eventually([&] { return all_are(jobs, JobState::kCompleted); }, "all completed"));
    worker_->drain();
    worker_->finish();
}

TEST_F(WorkerTest, HandsBackRunningJobsWhenHurried) {
    ASSERT_TRUE(worker_->start().has_value());
    const auto jobs = submit(3, R"({"prompt":"hello","synthetic":{"fail":"hang"}})");
    EXPECT_TRUE(eventually([&] { return all_are(jobs, JobState::kInProgress); }, "all running"));
    worker_->drain();
    worker_->hurry();
    worker_->finish();
    EXPECT_TRUE(all_are(jobs, JobState::kQueued));
    EXPECT_EQ(store_.worker_list()->front().state, storage::WorkerState::kStopped);
}

// A job that runs as long as the worker allows.
constexpr const char* kEndless = R"({"prompt":"hello","synthetic":{"fail":"hang"}})";

TEST_F(WorkerTest, ASuccessorTakesTheJobsWhileRunningOnesContinue) {
    WorkerGenerations workers;
    ASSERT_TRUE(workers.start(std::move(worker_)).has_value());
    const auto endless = submit(1, kEndless);
    EXPECT_TRUE(eventually([&] { return all_are(endless, JobState::kInProgress); }, "it runs"));
    ASSERT_TRUE(workers.replace(make_worker()).has_value());
    const auto jobs = submit(50, R"({"prompt":"hello"})");
    EXPECT_TRUE(eventually([&] { return all_are(jobs, JobState::kCompleted); }, "all completed"));
    EXPECT_TRUE(all_are(endless, JobState::kInProgress));
    EXPECT_NE(database_.job(endless.front())->worker, database_.job(jobs.front())->worker);
    workers.drain();
    workers.hurry();
    workers.finish();
    EXPECT_TRUE(all_are(endless, JobState::kQueued));
}

TEST_F(WorkerTest, ASuccessorThatCannotStartChangesNothing) {
    WorkerGenerations workers;
    ASSERT_TRUE(workers.start(std::move(worker_)).has_value());
    const auto replaced = workers.replace(make_worker(2));  // Both serve the same model.
    ASSERT_FALSE(replaced.has_value());
    EXPECT_EQ(replaced.error().code, ErrorCode::kInvalidArgument);
    const auto jobs = submit(5, R"({"prompt":"hello"})");
    EXPECT_TRUE(eventually([&] { return all_are(jobs, JobState::kCompleted); }, "all completed"));
    EXPECT_EQ(store_.worker_list()->size(), 1U);
    workers.drain();
    workers.finish();
}

TEST_F(WorkerTest, TheNumberOfEndingWorkersIsBounded) {
    WorkerGenerations workers;
    ASSERT_TRUE(workers.start(std::move(worker_)).has_value());
    for (std::size_t i = 0; i < WorkerGenerations::kEndingMax; ++i) {
        const auto endless = submit(1, kEndless);
        EXPECT_TRUE(eventually([&] { return all_are(endless, JobState::kInProgress); }, "runs"));
        ASSERT_TRUE(workers.replace(make_worker()).has_value());
    }
    const auto replaced = workers.replace(make_worker());
    ASSERT_FALSE(replaced.has_value());
    EXPECT_EQ(replaced.error().code, ErrorCode::kResourceExhausted);
    workers.drain();
    workers.hurry();
    workers.finish();
}

TEST_F(WorkerTest, EndsWithoutBeingDrained) {
    ASSERT_TRUE(worker_->start().has_value());
    const auto jobs = submit(3, R"({"prompt":"hello","synthetic":{"fail":"hang"}})");
    EXPECT_TRUE(eventually([&] { return all_are(jobs, JobState::kInProgress); }, "all running"));
    worker_.reset();
}

}  // namespace
}  // namespace millrace::worker

// When a waiting request is answered, on an exchange whose time the test controls.
#include "producer/api/job_wait.h"

#include <gtest/gtest.h>

#include "tests/support/eventually.h"
#include "tests/unit/api/fake_services.h"

namespace millrace::api {
namespace {

using server::Exchange;
using server::Request;
using server::Response;
using server::Wake;

using std::chrono::seconds;

// Runs posted tasks when the test says so, on the test's thread.
class ManualExchange final : public Exchange {
 public:
    explicit ManualExchange(MonoTime received) { request_.received = received; }

    const Request& request() const override { return request_; }
    void post(std::function<void()> task) override {
        const std::lock_guard lock(mutex_);
        if (!closed_) tasks_.push_back(std::move(task));
    }
    void reply(Response) override {}
    void wake_at(MonoTime deadline, std::function<void(Wake)> wake) override {
        wake_at_ = deadline;
        wake_ = std::move(wake);
    }
    void open_events(std::function<void()>) override {}
    void send_event(std::string_view) override {}
    void close_events() override {}
    bool is_draining() const override { return false; }

    bool run_one() {
        std::function<void()> task;
        {
            const std::lock_guard lock(mutex_);
            if (tasks_.empty()) return false;
            task = std::move(tasks_.front());
            tasks_.pop_front();
        }
        task();
        return true;
    }
    void run_next() {
        EXPECT_TRUE(test::eventually([&] { return run_one(); }));
    }
    // Lets time pass until the wake.
    void wake(Wake why = Wake::kTimer) { std::exchange(wake_, nullptr)(why); }

    // Acts like a server that stops: nothing is posted or woken any more.
    void close() {
        wake_ = nullptr;
        std::deque<std::function<void()>> dropped;
        const std::lock_guard lock(mutex_);
        closed_ = true;
        dropped.swap(tasks_);
    }

    MonoTime wake_at_;

 private:
    Request request_;
    std::function<void(Wake)> wake_;
    std::mutex mutex_;
    // Guarded by mutex_.
    std::deque<std::function<void()>> tasks_;
    bool closed_ = false;
};

class JobWaitTest : public testing::Test {
 protected:
    void TearDown() override { exchange_->close(); }

    void begin(std::optional<seconds> wait) {
        read_job(context_, exchange_, {.id = id_, .fields = {}, .wait = wait},
                 [this](JobAnswer answer) { answer_ = std::move(answer); });
    }

    test::FakeServices service_;
    const ApiContext context_{{}, service_.services()};
    const JobId id_ = service_.put();
    const MonoTime received_{std::chrono::hours(1)};
    const std::shared_ptr<ManualExchange> exchange_ = std::make_shared<ManualExchange>(received_);
    std::optional<JobAnswer> answer_;
};

TEST_F(JobWaitTest, ReadsOnceIfItWaitsForNothing) {
    begin(std::nullopt);
    exchange_->run_next();
    ASSERT_TRUE(answer_);
    EXPECT_FALSE(answer_->waited);
    EXPECT_EQ(answer_->job->id, id_);
}

TEST_F(JobWaitTest, AnswersStrictlyBeforeTheWaitIsOver) {
    for (const auto wait : {seconds(1), seconds(2), seconds(55)}) {
        answer_.reset();
        begin(wait);
        exchange_->run_next();
        EXPECT_FALSE(answer_);
        // First the job is read once more …
        EXPECT_LT(exchange_->wake_at_, received_ + wait);
        EXPECT_GE(exchange_->wake_at_, received_ + wait * 3 / 4);
        const auto read_at = exchange_->wake_at_;
        service_.hold();
        exchange_->wake();
        EXPECT_FALSE(answer_);
        // … and if that takes too long, the answer is what was known.
        EXPECT_GT(exchange_->wake_at_, read_at);
        EXPECT_LT(exchange_->wake_at_, received_ + wait);
        exchange_->wake();
        ASSERT_TRUE(answer_);
        EXPECT_TRUE(answer_->waited);
        EXPECT_EQ(answer_->job->state, JobState::kQueued);
        EXPECT_EQ(service_.watchers(), 0U);
        service_.release();
        exchange_->run_next();  // The read that came too late is dropped.
    }
}

TEST_F(JobWaitTest, LastReadBringsTheLatestState) {
    begin(seconds(10));
    exchange_->run_next();
    service_.change(id_, [](storage::JobRecord& job) { job.state = JobState::kInProgress; });
    exchange_->wake();
    exchange_->run_next();
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->job->state, JobState::kInProgress);
}

TEST_F(JobWaitTest, JobThatEndsBetweenSubscribingAndReadingIsNotMissed) {
    service_.hold();
    begin(seconds(10));
    service_.finish(id_, JobState::kCancelled);
    service_.release();
    exchange_->run_next();
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->job->state, JobState::kCancelled);
}

TEST_F(JobWaitTest, SaysSoIfNothingIsKnownInTime) {
    service_.hold();
    begin(seconds(10));
    exchange_->wake();
    exchange_->wake();
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->job.error().code, ErrorCode::kUnavailable);
    service_.release();
}

TEST_F(JobWaitTest, ClientThatIsGoneIsNotAnswered) {
    begin(seconds(10));
    exchange_->run_next();
    exchange_->wake(Wake::kClientGone);
    EXPECT_FALSE(answer_);
    EXPECT_EQ(service_.watchers(), 0U);
}

TEST_F(JobWaitTest, UnreadableJobIsWaitedForIfItIsKnown) {
    begin(seconds(10));
    exchange_->run_next();
    service_.fail_reads(Error{ErrorCode::kUnavailable, "away"});
    exchange_->wake();
    exchange_->run_next();
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->job->id, id_);
}

}  // namespace
}  // namespace millrace::api

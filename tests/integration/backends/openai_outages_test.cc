// A server's outage costs no job an attempt, however it shows and however often a job meets it.
#include <gtest/gtest.h>

#include <atomic>

#include "common/job/outcome.h"
#include "tests/integration/backends/openai_fixture.h"
#include "tests/support/seeded_random.h"

namespace millrace::backends {
namespace {

constexpr int kAttemptsMax = 2;

// A job, and what the store would make of its attempts.
struct Course {
    ClaimedJob job = {};
    JobState state = JobState::kQueued;
    int waits = 0;  // Attempts that found the server away.
    std::string last_error = {};
};

class OpenAiOutages : public OpenAi {
 protected:
    static std::vector<Course> courses(std::size_t count) {
        std::vector<Course> all(count);
        for (auto& one : all) {
            one.job.spec.model = "m";
            one.job.spec.input_json = kChat;
            one.job.spec.policy.attempts_max = kAttemptsMax;
        }
        return all;
    }
    // Runs one attempt of each job that is not final, all at the same time. A job that waits for
    // its time runs as if that time had come.
    void go_on(std::vector<Course>& all) {
        std::vector<Course*> running;
        std::vector<Execution> batch;
        for (auto& one : all) {
            if (info(one.state).is_final) continue;
            one.job.key = {JobId(ids_.next(milliseconds(1))), 1};
            running.push_back(&one);
            batch.push_back(
                {.job = one.job, .deadline = system_clock().now() + milliseconds(50'000)});
        }
        for (auto& execution : batch) backend_->run({execution});
        for (auto* one : running) take(*one, sink_.outcome(one->job.key));
    }
    void take(Course& one, const Outcome& outcome) {
        const auto settlement = settle(outcome, one.job, one.job.spec.policy, {}, random_);
        one.state = settlement.next;
        one.job.failures += settlement.counts_as_failure ? 1 : 0;
        ++one.job.attempt;
        if (one.state == JobState::kScheduled) ++one.waits;
        one.last_error = outcome.error_code;
    }
    static void expect_no_harm(const std::vector<Course>& all) {
        for (const auto& one : all) {
            EXPECT_EQ(one.state, JobState::kCompleted) << one.last_error;
            EXPECT_EQ(one.job.failures, 0) << one.last_error;
        }
    }
    // The job's attempts meet outages that count as the server's, until other jobs are served.
    void expect_failure_once_others_are_served(Execution& one, const std::string& code) {
        const auto ask = [&] {
            ++one.job.key.epoch;
            backend_->run({one});
            return sink_.outcome(one.job.key);
        };
        for (int i = 0; i < 2 * serving::kLonelyOutagesMin; ++i) {
            EXPECT_EQ(ask().kind, OutcomeKind::kRateLimited) << "nobody is served";
        }
        auto good = courses(1);
        for (int i = 0; i < 3; ++i) go_on(good);
        expect_no_harm(good);
        const auto outcome = ask();
        EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable);
        EXPECT_EQ(outcome.error_code, code);
    }

 private:
    test::SeededRandom random_{3};
    UuidGenerator ids_{random_};
};

// The breaker's seconds are the only clock here.
TEST_F(OpenAiOutages, ARestartOfTheServerCostsNoJobAnAttempt) {
    const int port = test::unused_port();
    start({.base_urls = {"http://127.0.0.1:" + std::to_string(port)}});
    auto all = courses(8);
    std::vector<Course> first{all.front()};
    for (int i = 0; i <= kAttemptsMax; ++i) {
        go_on(first);
        EXPECT_EQ(first[0].last_error, "endpoint_unreachable");
    }
    // The proxy in front of the server is back before the server is.
    std::atomic<int> refusals{3};
    server_ = std::make_unique<test::FakeServer>(
        [&](test::Exchange& exchange) {
            if (--refusals < 0) return answer_hello(exchange);
            exchange.reply(502, "text/html", "<html><title>502 Bad Gateway</title></html>");
        },
        test::FakeServerOptions{.port = port});
    all.front() = first.front();
    for (int rounds = 0; rounds < 10 && refusals >= 0; ++rounds) go_on(all);
    go_on(all);
    EXPECT_GT(all.front().waits, kAttemptsMax);
    expect_no_harm(all);
    backend_->stop();
}

// No such page opens the breaker: firewalls answer single requests in this way.
TEST_F(OpenAiOutages, AnAnswerFromAnIntermediaryCostsNoJobAnAttempt) {
    struct Page {
        int status;
        const char* type;
        const char* body;
    };
    for (const auto& page :
         {Page{200, "text/html", "<!doctype html><title>Back soon</title>"},
          Page{404, "text/plain", "404 page not found\n"},
          Page{405, "text/html", "<html><title>405 Not Allowed</title></html>"},
          Page{500, "application/json", R"({"error":{"message":"Connection error."}})"}}) {
        std::atomic<bool> is_back{false};
        start_with([&](test::Exchange& exchange) {
            if (is_back) return answer_hello(exchange);
            exchange.reply(page.status, page.type, page.body);
        });
        auto all = courses(4);
        for (int i = 0; i <= 2 * kAttemptsMax; ++i) go_on(all);
        for (const auto& one : all) {
            EXPECT_EQ(one.last_error, "endpoint_unavailable") << page.status;
            EXPECT_GT(one.waits, kAttemptsMax) << page.status;
        }
        is_back = true;
        go_on(all);
        expect_no_harm(all);
        backend_->stop();
    }
}

// This server repeats what the request contains.
TEST_F(OpenAiOutages, AJobThatMentionsOutagesIsNotAnOutage) {
    start_with([](test::Exchange& exchange) {
        if (exchange.body().find("onnection") == std::string::npos) return answer_hello(exchange);
        exchange.reply(500, "application/json",
                       R"({"error":{"message":"no template for 'connection error'"}})");
    });
    auto bad = courses(12);
    for (auto& one : bad) {
        one.job.spec.input_json = R"({"messages":[{"role":"user","content":"Connection error"}]})";
    }
    auto good = courses(1);
    go_on(bad);
    go_on(good);
    expect_no_harm(good);
    EXPECT_EQ(good[0].waits, 0);
    for (const auto& one : bad) EXPECT_NE(one.state, JobState::kCompleted);
    backend_->stop();
}

// TGI answers like this for a route that it lacks.
TEST_F(OpenAiOutages, AMissingRouteIsNotAnOutageWhileOthersAreServed) {
    start_with([](test::Exchange& exchange) {
        if (exchange.target().find("embeddings") == std::string::npos)
            return answer_hello(exchange);
        exchange.reply(404, "text/plain", "");
    });
    auto lacking = make_execution({.model = "m", .input = R"({"input":"a"})"});
    expect_failure_once_others_are_served(lacking, "http_404");
    backend_->stop();
}

// A forwarder whose server is away closes each connection at once.
TEST_F(OpenAiOutages, AnIntermediaryThatClosesConnectionsCostsNoJobAnAttempt) {
    std::atomic<bool> is_back{false};
    start_with(
        [&](test::Exchange& exchange) { is_back ? answer_hello(exchange) : exchange.close(); });
    auto alone = courses(1);
    for (int i = 0; i <= 2 * kAttemptsMax; ++i) go_on(alone);
    EXPECT_EQ(alone[0].last_error, "connection_lost");
    EXPECT_GT(alone[0].waits, kAttemptsMax);
    is_back = true;
    go_on(alone);
    expect_no_harm(alone);
    backend_->stop();
}

TEST_F(OpenAiOutages, AJobThatCrashesServersFailsWhileOthersAreServed) {
    start_with([](test::Exchange& exchange) {
        exchange.body().find("deadly") == std::string::npos ? answer_hello(exchange)
                                                            : exchange.close();
    });
    auto deadly = make_execution(
        {.model = "m", .input = R"({"messages":[{"role":"user","content":"deadly"}]})"});
    expect_failure_once_others_are_served(deadly, "connection_lost");
    backend_->stop();
}

// The rest grows with each outage that is remembered.
TEST_F(OpenAiOutages, AJobThatRanSinceItsOutagesStartsFromZero) {
    std::atomic<bool> is_back{false};
    start_with([&](test::Exchange& exchange) {
        if (!is_back) return exchange.reply(502, "text/html", "");
        exchange.begin_stream();
        exchange.event(chat_delta("Hel"));
        exchange.wait_for_close();
    });
    auto execution = make_execution({.model = "m", .input = kChat});
    const auto& key = execution.job.key;
    const auto run = [&] {
        ++execution.job.key.epoch;
        backend_->run({execution});
    };
    for (int i = 0; i < 2; ++i) {
        run();
        EXPECT_EQ(sink_.outcome(key).retry_after.has_value(), i > 0);
    }
    is_back = true;
    run();
    sink_.wait_for_partial(key);
    backend_->abort(key, AbortReason::kInterrupted);
    EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kInterrupted);
    is_back = false;
    run();
    EXPECT_EQ(sink_.outcome(key).error_code, "endpoint_unavailable");
    EXPECT_FALSE(sink_.outcome(key).retry_after);
    backend_->stop();
}

// A server that is full for a long time makes a job claim many times.
TEST_F(OpenAiOutages, ClaimsThatFoundNoRoomUseUpNoPatienceForAnOutage) {
    start_with([](test::Exchange& exchange) { exchange.reply(200, "text/html", "<html></html>"); });
    auto all = courses(1);
    all[0].job.attempt = 1000;
    for (int i = 0; i <= kAttemptsMax; ++i) go_on(all);
    EXPECT_EQ(all[0].state, JobState::kScheduled);
    EXPECT_EQ(all[0].job.failures, 0);
    backend_->stop();
}

}  // namespace
}  // namespace millrace::backends

// The openai backend with several endpoints: the faults of one harm neither the jobs nor the work
// of the others.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <nlohmann/json.hpp>

#include "tests/integration/backends/openai_fixture.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

std::string dead_url() {
    return fmt::format("http://127.0.0.1:{}", test::unused_port());
}

class OpenAiEndpoints : public OpenAi {
 protected:
    // Runs the job until it ends for good, as the worker would; returns how many attempts failed.
    int failures_of_job() {
        for (int failures = 0; failures < 100;) {
            const auto outcome = outcome_of();
            if (outcome.kind == OutcomeKind::kCompleted) return failures;
            if (outcome.kind != OutcomeKind::kRateLimited) ++failures;
        }
        ADD_FAILURE() << "the job never completes";
        return 0;
    }
};

TEST_F(OpenAiEndpoints, SharesTheWork) {
    std::latch all_arrived(4);
    const auto wait_for_all = [&](test::Exchange& exchange) {
        all_arrived.arrive_and_wait();
        answer_hello(exchange);
    };
    test::FakeServer one(wait_for_all);
    test::FakeServer two(wait_for_all);
    start({.base_urls = {one.url(), two.url()}});
    std::vector<AttemptKey> keys;
    for (int i = 0; i < 4; ++i) keys.push_back(run());
    for (const auto& key : keys) EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kCompleted);
    EXPECT_EQ(one.requests(), 2);
    EXPECT_EQ(two.requests(), 2);
    backend_->stop();
}

TEST_F(OpenAiEndpoints, SkipsADeadEndpoint) {
    server_ = std::make_unique<test::FakeServer>(answer_hello);
    start({.base_urls = {dead_url(), server_->url()}});
    for (int i = 0; i < 20; ++i) EXPECT_EQ(outcome_of().kind, OutcomeKind::kCompleted);
}

TEST_F(OpenAiEndpoints, SkipsAnEndpointWithoutCapacity) {
    server_ = std::make_unique<test::FakeServer>(answer_hello);
    test::FakeServer busy(
        [](test::Exchange& exchange) { exchange.reply(503, "text/plain", "loading"); });
    start({.base_urls = {busy.url(), server_->url()}});
    for (int i = 0; i < 20; ++i) EXPECT_EQ(outcome_of().kind, OutcomeKind::kCompleted);
    // The endpoint was left alone for a second after each refusal.
    EXPECT_LT(busy.requests(), 10);
    backend_->stop();
}

TEST_F(OpenAiEndpoints, HandsJobsBackWhileAllAreDead) {
    start({.base_urls = {dead_url()}});
    for (int i = 0; i < 8; ++i) {
        const auto outcome = outcome_of();
        EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
        EXPECT_EQ(outcome.error_code, "endpoint_unreachable");
    }
}

// While the endpoint is away, jobs wait in line, and start when it is back. No event shows that it
// is back, so the breaker's time is the only clock here.
TEST_F(OpenAiEndpoints, AJobThatWaitsForAnOutageStartsWhenItIsOver) {
    std::atomic<bool> is_back{false};
    start_with([&](test::Exchange& exchange) {
        if (is_back) return answer_hello(exchange);
        exchange.reply(502, "text/html", "<html><title>502 Bad Gateway</title></html>");
    });
    for (int i = 0; i < 5; ++i) {
        const auto outcome = outcome_of();
        EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
        EXPECT_EQ(outcome.error_code, "endpoint_unavailable");
    }
    is_back = true;
    std::vector<AttemptKey> keys;
    for (int i = 0; i < 8; ++i) keys.push_back(run());
    for (const auto& key : keys) EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kCompleted);
    backend_->stop();
}

TEST_F(OpenAiEndpoints, ABadKindOfJobEjectsNoServer) {
    for (const int status : {501, 500, 400}) {
        start_with([&](test::Exchange& exchange) {
            if (exchange.target() == "POST /v1/chat/completions") return answer_hello(exchange);
            exchange.reply(status, "application/json", R"({"error":{"message":"no embeddings"}})");
        });
        for (int i = 0; i < 12; ++i) {
            const auto outcome = outcome_of(R"({"input":"text"})");
            EXPECT_NE(outcome.kind, OutcomeKind::kCompleted);
        }
        EXPECT_EQ(outcome_of().kind, OutcomeKind::kCompleted) << status;
        backend_->stop();
    }
}

// Other clients fill the server's own queue, whose length it reports. The time between two requests
// for that length is the only clock here.
TEST_F(OpenAiEndpoints, SendsLessToAServerThatQueues) {
    std::atomic<int> asked{0};
    std::atomic<int> arrived{0};
    std::atomic<int> arrived_before_third{-1};
    std::promise<void> second;
    std::promise<void> third;
    const auto asked_twice = second.get_future().share();
    const auto asked_thrice = third.get_future().share();
    start_with(
        [&](test::Exchange& exchange) {
            if (exchange.target() == "GET /metrics") {
                const auto number = ++asked;
                if (number == 3) arrived_before_third = arrived.load();
                exchange.reply(200, "text/plain", "vllm:num_requests_waiting{m=\"m\"} 9\n");
                if (number == 2) second.set_value();
                if (number == 3) third.set_value();
                return;
            }
            const auto number = ++arrived;
            (number <= 4 ? asked_twice : asked_thrice).wait();
            answer_hello(exchange);
        },
        {.profile = "vllm", .slots = 4});
    std::vector<AttemptKey> keys;
    for (int i = 0; i < 4; ++i) keys.push_back(run());
    for (const auto& key : keys) EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kCompleted);
    EXPECT_EQ(arrived, 4);
    for (int i = 0; i < 4; ++i) keys.push_back(run());
    for (const auto& key : keys) EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kCompleted);
    EXPECT_LE(arrived_before_third, 6);
    backend_->stop();
}

TEST_F(OpenAiEndpoints, GoesToAHigherOrderWhenTheLowerIsDead) {
    test::FakeServer first(answer_hello);
    test::FakeServer second(answer_hello);
    start({.base_urls = {second.url() + ";order=2", first.url() + ";order=1"}});
    for (int i = 0; i < 10; ++i) EXPECT_EQ(outcome_of().kind, OutcomeKind::kCompleted);
    EXPECT_EQ(first.requests(), 10);
    EXPECT_EQ(second.requests(), 0);
    backend_->stop();

    start({.base_urls = {second.url() + ";order=2", dead_url()}});
    for (int i = 0; i < 10; ++i) EXPECT_EQ(outcome_of().kind, OutcomeKind::kCompleted);
    EXPECT_EQ(second.requests(), 10);
    backend_->stop();
}

struct Misbehaviour {
    const char* name;
    void (*handler)(test::Exchange&);
};

class OpenAiMisbehaviour : public OpenAiEndpoints,
                           public testing::WithParamInterface<Misbehaviour> {};

INSTANTIATE_TEST_SUITE_P(
    All, OpenAiMisbehaviour,
    testing::Values(
        Misbehaviour{"Garbage",
                     [](test::Exchange& e) { e.reply(200, "text/html", "<html></html>"); }},
        Misbehaviour{"HalfAStream",
                     [](test::Exchange& e) {
                         e.begin_stream();
                         e.event(chat_delta("Hel"));
                         e.close();
                     }},
        Misbehaviour{"AnErrorInside200",
                     [](test::Exchange& e) {
                         e.begin_stream();
                         e.event(R"({"error":{"message":"out of memory","code":"oom"}})");
                         e.end_stream();
                     }},
        Misbehaviour{"Error500",
                     [](test::Exchange& e) { e.reply(500, "text/plain", "stub died"); }},
        Misbehaviour{"Hangup", [](test::Exchange& e) { e.close(); }}),
    [](const auto& tested) { return tested.param.name; });

TEST_P(OpenAiMisbehaviour, CostsAFewAttemptsAndThenNoMore) {
    server_ = std::make_unique<test::FakeServer>(answer_hello);
    test::FakeServer bad(GetParam().handler);
    start({.base_urls = {bad.url(), server_->url()}});
    int failures = 0;
    for (int i = 0; i < 50; ++i) failures += failures_of_job();
    // The endpoint is doubted from the fifth call on; from then on its answers to single jobs cost
    // them nothing.
    EXPECT_LT(failures, 10);
    EXPECT_GE(bad.requests(), failures);
    EXPECT_EQ(server_->requests(), 50);
    backend_->stop();
}

TEST_F(OpenAiEndpoints, AHangingOneHoldsOnlyItsSlots) {
    server_ = std::make_unique<test::FakeServer>(answer_hello);
    test::FakeServer hanging([](test::Exchange& exchange) { exchange.wait_for_close(); });
    start({.base_urls = {hanging.url() + ";slots=2", server_->url()}});
    std::vector<AttemptKey> keys;
    for (int i = 0; i < 40; ++i) {
        keys.push_back(run());
        sink_.wait_for_finished(i < 2 ? 0 : static_cast<std::size_t>(i - 1));
    }
    sink_.wait_for_finished(38);
    backend_->stop();
    int completed = 0;
    for (const auto& key : keys) {
        completed += sink_.outcome(key).kind == OutcomeKind::kCompleted ? 1 : 0;
    }
    EXPECT_GE(completed, 38);
    EXPECT_LE(hanging.requests(), 2);
}

TEST_F(OpenAiEndpoints, GivesUpASilentStream) {
    std::promise<bool> closed;
    start_with(
        [&](test::Exchange& exchange) {
            exchange.begin_stream();
            exchange.event(chat_delta("Hel"));
            closed.set_value(exchange.wait_for_close());
        },
        {.stall_timeout = milliseconds(100)});
    const auto outcome = outcome_of();
    EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(outcome.error_code, "endpoint_stalled");
    EXPECT_TRUE(closed.get_future().get());
}

TEST_F(OpenAiEndpoints, DoesNotRepeatTextThatWasShown) {
    // A refusal in the middle of its output: another endpoint would start again from the beginning.
    server_ = std::make_unique<test::FakeServer>(answer_hello);
    std::promise<void> shown;
    test::FakeServer fickle([&](test::Exchange& exchange) {
        exchange.begin_stream();
        exchange.event(chat_delta("Hel"));
        shown.get_future().wait();
        exchange.event(R"({"error":{"message":"preempted","code":503}})");
        exchange.end_stream();
    });
    start({.base_urls = {fickle.url(), server_->url() + ";order=2"}});
    const auto key = run();
    sink_.wait_for_partial(key);
    shown.set_value();
    EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kRateLimited);
    EXPECT_EQ(sink_.record(key).text, "Hel");
    EXPECT_EQ(server_->requests(), 0);
    backend_->stop();
}

TEST_F(OpenAiEndpoints, OtherModelsContinue) {
    server_ = std::make_unique<test::FakeServer>(answer_hello);
    start({.base_urls = {dead_url() + ";models=a", server_->url() + ";models=b=org/b"}});
    EXPECT_EQ(backend_->info().models, (std::vector<std::string>{"a", "b"}));
    std::vector<AttemptKey> of_a;
    for (int i = 0; i < 8; ++i) of_a.push_back(run(kChat, "a"));
    for (int i = 0; i < 8; ++i) {
        EXPECT_EQ(outcome_of(kChat, "b").kind, OutcomeKind::kCompleted);
    }
    for (const auto& key : of_a) EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kRateLimited);
    EXPECT_EQ(server_->requests(), 8);
}

TEST_F(OpenAiEndpoints, AJobThatWaitsForASlotCanBeAborted) {
    std::promise<void> arrived;
    std::atomic<int> turn{0};
    test::FakeServer hanging([&](test::Exchange& exchange) {
        if (turn++ == 0) arrived.set_value();
        exchange.wait_for_close();
    });
    // The endpoint of the second order adds slots, but takes nothing while the first is merely
    // full.
    test::FakeServer unused(answer_hello);
    start({.base_urls = {hanging.url() + ";slots=1", unused.url() + ";order=2;slots=3"}});
    EXPECT_EQ(backend_->info().slots, 3U);
    const auto running = run();
    arrived.get_future().wait();
    const auto cancelled = run();
    const auto late =
        run_one(*backend_, {.model = "m", .input = kChat, .deadline = milliseconds(100)});
    EXPECT_EQ(sink_.outcome(late).kind, OutcomeKind::kTimeout);
    backend_->abort(cancelled, AbortReason::kCancelled);
    EXPECT_EQ(sink_.outcome(cancelled).kind, OutcomeKind::kCancelled);
    backend_->stop();
    EXPECT_EQ(sink_.outcome(running).kind, OutcomeKind::kInterrupted);
    EXPECT_EQ(hanging.requests(), 1);
    EXPECT_EQ(unused.requests(), 0);
}

TEST_F(OpenAiEndpoints, ASpentAccountIsNotAskedAgainSoon) {
    start_with(
        [](test::Exchange& exchange) {
            exchange.reply(429, "application/json",
                           R"({"error":{"message":"pay","code":"insufficient_quota"}})",
                           "Retry-After: 1\r\n");
        },
        {.profile = "cloud"});
    EXPECT_EQ(outcome_of().retry_after, milliseconds(60'000));
}

}  // namespace
}  // namespace millrace::backends

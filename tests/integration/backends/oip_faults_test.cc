// The oip backend against servers that behave as badly as real ones do.
#include <atomic>
#include <future>

#include "tests/integration/backends/oip_fake.h"
#include "tests/support/eventually.h"
#include "worker/backends/serving/outage.h"

namespace millrace::backends {
namespace {

using nlohmann::json;
using test::eventually;

TEST_F(Oip, WaitsAsLongAsABusyServerAsks) {
    start_with([](test::Exchange& exchange) {
        exchange.reply(503, "text/plain", R"({"error":"Exceeds maximum queue size"})",
                       "Retry-After: 30\r\n");
    });
    for (const auto& outcome : outcomes_of({row({1}), row({2})})) {
        EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
        EXPECT_EQ(outcome.error_code, "server_busy");
        EXPECT_EQ(outcome.retry_after, milliseconds(30'000));
    }
    // Other jobs wait as well: the server asked to be left alone.
    for (int i = 0; i < 5; ++i) {
        const auto outcome = outcome_of(row({3}));
        EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
        EXPECT_EQ(outcome.error_code, "server_unavailable");
        EXPECT_GT(outcome.retry_after, milliseconds(1000));
        EXPECT_LE(outcome.retry_after, milliseconds(30'000));
        EXPECT_NE(outcome.error_message.find("maximum queue size"), std::string::npos);
    }
    EXPECT_EQ(infers().size(), 1U) << "no halves: no job is to blame";
}

TEST_F(Oip, ABusyServerIsLeftAloneWhileAnotherHasRoom) {
    std::atomic<int> refused{0};
    test::FakeServer busy(handler({}, [&](test::Exchange& exchange) {
        ++refused;
        exchange.reply(503, "text/plain", "", "Retry-After: 60\r\n");
    }));
    server_ = std::make_unique<test::FakeServer>(handler({}, answer));
    start({.base_urls = {busy.url(), server_->url()}, .models = {"m"}});
    // What it refuses goes to the other one at once.
    EXPECT_TRUE(eventually([&] {
        EXPECT_EQ(data_of(outcome_of(row({1}))), json({2}));
        return refused > 0;
    }));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(data_of(outcome_of(row({1}))), json({2}));
    EXPECT_EQ(refused, 1);
    backend_->stop();
}

// A server that refuses requests beside another gets fewer at a time.
TEST_F(Oip, AJobWaitsForRoomOnAServerThatIsFull) {
    std::promise<void> arrived;
    std::promise<void> release;
    std::atomic<bool> has_room{false};
    std::atomic<bool> was_crowded{false};
    start_with([&, released = release.get_future().share()](test::Exchange& exchange) {
        const auto infer = read_infer(exchange);
        if (infer.has(2)) return exchange.reply(503, "text/plain", "");
        if (infer.has(1)) {
            arrived.set_value();
            released.wait();
        } else {
            was_crowded = !has_room;
        }
        answer_doubled(exchange);
    });
    const auto first = run(row({1}));
    arrived.get_future().wait();
    for (int i = 0; i < 2; ++i) EXPECT_EQ(outcome_of(row({2})).error_code, "server_busy");
    const auto cancelled = run(row({3}));
    backend_->abort(cancelled, AbortReason::kCancelled);
    EXPECT_EQ(sink_.outcome(cancelled).kind, OutcomeKind::kCancelled);
    const auto second = run(row({3}));
    has_room = true;
    release.set_value();
    EXPECT_EQ(data_of(sink_.outcome(first)), json({2}));
    EXPECT_EQ(data_of(sink_.outcome(second)), json({6}));
    EXPECT_FALSE(was_crowded);
}

TEST_F(Oip, AJobThatFindsNoRoomForLongGoesBackToTheQueue) {
    std::promise<void> arrived;
    std::promise<void> release;
    start_with(
        [&, released = release.get_future().share()](test::Exchange& exchange) {
            if (!read_infer(exchange).has(1)) return exchange.reply(503, "text/plain", "");
            arrived.set_value();
            released.wait();
            answer_doubled(exchange);
        },
        {.room_patience = milliseconds(20)});
    const auto first = run(row({1}));
    arrived.get_future().wait();
    for (int i = 0; i < 2; ++i) EXPECT_EQ(outcome_of(row({2})).error_code, "server_busy");
    const auto waited = outcome_of(row({3}));  // It is not even sent.
    EXPECT_EQ(waited.kind, OutcomeKind::kRateLimited);
    EXPECT_EQ(waited.error_message, "no server has room for the model 'm'");
    release.set_value();
    EXPECT_EQ(data_of(sink_.outcome(first)), json({2}));
}

TEST_F(Oip, RetriesInvalidAnswers) {
    const std::vector<std::pair<std::string, test::FakeServer::Handler>> cases{
        {"invalid_response", [](test::Exchange& e) { e.reply(200, "text/html", "hello"); }},
        {"invalid_response", [](test::Exchange& e) { e.reply(200, "application/json", ""); }},
        {"invalid_response",
         [](test::Exchange& e) { e.reply(200, "application/json", "{\"outputs\":"); }},
        {"invalid_response", [](test::Exchange& e) { answer_doubled(e, 3); }},
        {"invalid_response",
         [](test::Exchange& e) {
             e.reply(200, "application/octet-stream", "{}",
                     "Inference-Header-Content-Length: many\r\n");
         }},
        {"model_error",
         [](test::Exchange& e) { e.reply(200, "application/json", R"({"error":"out of luck"})"); }},
        {"http_507", [](test::Exchange& e) { e.reply(507, "text/html", "no storage"); }},
        {"connection_lost",
         [](test::Exchange& e) {
             e.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"outputs\"");
             e.close();
         }},
    };
    std::atomic<std::size_t> turn{0};
    // A right answer in between keeps the server from being doubted.
    start_with([&](test::Exchange& exchange) {
        const auto now = turn++;
        now % 2 == 0 ? cases[now / 2].second(exchange) : answer_doubled(exchange);
    });
    for (const auto& [code, _] : cases) {
        const auto outcome = outcome_of(row({1}));
        EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable) << code;
        EXPECT_EQ(outcome.error_code, code) << outcome.error_message;
        EXPECT_EQ(data_of(outcome_of(row({1}))), json({2}));
    }
}

// A forwarder whose server is away closes each connection; so does a server that dies of the job,
// which shows once others are served.
TEST_F(Oip, AConnectionThatIsClosedWithoutAnAnswerIsAnOutageUnlessOthersAreServed) {
    start_with([](test::Exchange& exchange) {
        read_infer(exchange).has(13) ? exchange.close() : answer_doubled(exchange);
    });
    auto deadly = make_execution({.model = "m", .input = row({13})});
    const auto ask = [&] {
        ++deadly.job.key.epoch;
        backend_->run({deadly});
        return sink_.outcome(deadly.job.key);
    };
    for (int i = 0; i < serving::kLonelyOutagesMin; ++i) {
        const auto outcome = ask();
        EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
        EXPECT_EQ(outcome.error_code, "connection_lost");
        EXPECT_EQ(data_of(outcome_of(row({1}))), json({2}));
    }
    const auto outcome = ask();
    EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(outcome.error_code, "connection_lost");
}

// curl repeats a request if its connection, kept from an earlier one, broke. If the second try is
// refused, the first may still have done something: it may have killed the server, and the job must
// not go to the next one.
TEST_F(Oip, AServerThatARequestCrashesIsNotAnOutage) {
    std::promise<void> arrived;
    start_with([&](test::Exchange& exchange) {
        if (!read_infer(exchange).has(666)) return answer_doubled(exchange);
        arrived.set_value();
        exchange.wait_for_close();
    });
    EXPECT_EQ(data_of(outcome_of(row({1}))), json({2}));
    const auto killer = run(row({666}));
    arrived.get_future().wait();
    server_.reset();
    EXPECT_EQ(sink_.outcome(killer).kind, OutcomeKind::kRetryable);
    EXPECT_EQ(sink_.outcome(killer).error_code, "connection_lost");
    EXPECT_EQ(outcome_of(row({1})).kind, OutcomeKind::kRateLimited);
}

TEST_F(Oip, BurnsNoAttemptsOnAModelThatHasDied) {
    std::atomic<bool> dead{true};
    start_with(
        [&](test::Exchange& exchange) {
            if (dead && exchange.target().find("/m/") != std::string::npos) {
                return fail_dead(exchange);
            }
            answer_doubled(exchange);
        },
        {.models = {"m", "other"}});
    const auto first = outcomes_of({row({1}), row({2})});
    for (const auto& outcome : first) {
        EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable);
        EXPECT_EQ(outcome.error_code, "server_unhealthy");
    }
    EXPECT_EQ(infers().size(), 1U) << "no halves: no job is to blame";

    // The next jobs wait, without a request; the server's other model continues.
    for (const auto& outcome : outcomes_of({row({3}), row({4})})) {
        EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
        EXPECT_EQ(outcome.error_code, "server_unavailable");
        EXPECT_GT(outcome.retry_after, milliseconds(0));
        EXPECT_NE(outcome.error_message.find("is not healthy"), std::string::npos);
    }
    EXPECT_EQ(data_of(outcome_of(row({5}), "other")), json({10}));

    // A single job tests whether the model is still unhealthy, then whether it works again.
    const auto batch_until = [&](OutcomeKind wanted) {
        std::vector<Outcome> outcomes;
        EXPECT_TRUE(eventually([&] {
            outcomes = outcomes_of({row({6}), row({7})});
            return outcomes[0].kind == wanted;
        }));
        return outcomes;
    };
    EXPECT_EQ(batch_until(OutcomeKind::kRetryable)[1].kind, OutcomeKind::kRateLimited);
    dead = false;
    for (const auto& outcome : batch_until(OutcomeKind::kCompleted)) {
        EXPECT_EQ(outcome.kind, OutcomeKind::kCompleted);
    }
}

TEST_F(Oip, AvoidsAServerThatAnswersGarbage) {
    start_with([](test::Exchange& exchange) { exchange.reply(200, "text/html", "hello"); });
    for (int i = 0; i < 3; ++i) EXPECT_EQ(outcome_of(row({1})).error_code, "invalid_response");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(outcome_of(row({1})).error_code, "server_unavailable");
    EXPECT_EQ(infers().size(), 3U);
}

TEST_F(Oip, BurnsNoAttemptOnAServerThatIsAway) {
    start(
        {.base_urls = {fmt::format("http://127.0.0.1:{}", test::unused_port())}, .models = {"m"}});
    for (int i = 0; i < 3; ++i) {
        const auto outcome = outcome_of(row({1}));
        EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
        EXPECT_EQ(outcome.error_code, "server_unavailable");
        EXPECT_NE(outcome.error_message.find("cannot connect to the server"), std::string::npos);
    }
}

// Meanwhile a proxy in front of the server answers; after three such answers in a row only probes
// are sent, and these cost nothing either.
TEST_F(Oip, BurnsNoAttemptWhileSomethingAnswersInPlaceOfTheServer) {
    for (const int status : {502, 504, 200}) {
        const auto infers_before = infers().size();
        start_with([status](test::Exchange& exchange) {
            exchange.reply(status, "text/html", "<html><title>Back soon</title></html>");
        });
        for (int i = 0; i < 5; ++i) {
            for (const auto& outcome : outcomes_of({row({1}), row({2})})) {
                EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited) << status;
                EXPECT_EQ(outcome.error_code, "server_unavailable") << status;
                EXPECT_NE(outcome.error_message.find("Back soon"), std::string::npos);
            }
        }
        EXPECT_EQ(infers().size() - infers_before, 3U) << "no halves: no job is to blame";
        backend_->stop();
    }
}

// The rest does not depend on how often the job found no room before.
TEST_F(Oip, JobsThatSawMoreOutagesRestLonger) {
    start_with([](test::Exchange& exchange) { exchange.reply(502, "text/html", ""); });
    auto execution = make_execution({.model = "m", .input = row({1}), .attempt = 1000});
    backend_->run({execution});
    EXPECT_FALSE(sink_.outcome(execution.job.key).retry_after);
    ++execution.job.key.epoch;
    backend_->run({execution});
    EXPECT_EQ(sink_.outcome(execution.job.key).kind, OutcomeKind::kRateLimited);
    EXPECT_EQ(sink_.outcome(execution.job.key).retry_after, milliseconds(1000));
}

// A row that kills the server's process shows as a 502 from its gateway.
TEST_F(Oip, AJobThatAnOutageHitRunsAloneNextTime) {
    start_with([](test::Exchange& exchange) {
        if (!read_infer(exchange).has(13)) return answer_doubled(exchange);
        exchange.reply(502, "text/html", "<html></html>");
    });
    std::vector<Execution> batch;
    for (const int value : {1, 13, 2}) {
        batch.push_back(make_execution({.model = "m", .input = row({value})}));
    }
    backend_->run(batch);
    for (const auto& execution : batch) {
        EXPECT_EQ(sink_.outcome(execution.job.key).kind, OutcomeKind::kRateLimited);
    }
    for (auto& execution : batch) ++execution.job.key.epoch;
    backend_->run(batch);
    EXPECT_EQ(data_of(sink_.outcome(batch[0].job.key)), json({2}));
    EXPECT_EQ(sink_.outcome(batch[1].job.key).kind, OutcomeKind::kRateLimited);
    EXPECT_EQ(data_of(sink_.outcome(batch[2].job.key)), json({4}));
}

TEST_F(Oip, PassesOverServersThatAreAwayOrHaveNotLoadedTheModel) {
    server_ = std::make_unique<test::FakeServer>(handler({}, answer));
    test::FakeServer empty([](test::Exchange& exchange) {
        exchange.reply(404, "text/plain", R"({"error":"Request for unknown model"})");
    });
    start({.base_urls = {fmt::format("http://127.0.0.1:{}", test::unused_port()), empty.url(),
                         server_->url()},
           .models = {"m"}});
    for (int i = 0; i < 4; ++i) EXPECT_EQ(data_of(outcome_of(row({1}))), json({2}));
    backend_->stop();
}

TEST_F(Oip, LearnsFromAnotherServerWhatOneDoesNotTell) {
    const auto whole = handler({}, answer);
    server_ = std::make_unique<test::FakeServer>(whole);
    std::vector<std::unique_ptr<test::FakeServer>> others;
    std::vector<std::string> urls;
    for (const int status : {500, 503, 401}) {
        others.push_back(std::make_unique<test::FakeServer>([&, status](test::Exchange& exchange) {
            if (!exchange.target().starts_with("GET ")) return whole(exchange);
            exchange.reply(status, "application/json", R"({"error":"not now"})");
        }));
        urls.push_back(others.back()->url());
    }
    urls.push_back(server_->url());
    start({.base_urls = urls, .models = {"m"}});
    for (int i = 0; i < 4; ++i) EXPECT_EQ(data_of(outcome_of(row({1}))), json({2}));
    backend_->stop();
}

TEST_F(Oip, HandsJobsBackWhileTheModelIsMissing) {
    std::atomic<bool> loaded{false};
    const auto whole = handler({}, answer);
    server_ = std::make_unique<test::FakeServer>([&](test::Exchange& exchange) {
        if (loaded) return whole(exchange);
        exchange.reply(404, "text/plain", R"({"error":"Request for unknown model: 'm'"})");
    });
    start({.base_urls = {server_->url()}, .models = {"m"}});
    EXPECT_EQ(outcome_of(row({1})).error_code, "server_unavailable");
    loaded = true;
    EXPECT_TRUE(eventually([&] { return outcome_of(row({1})).kind == OutcomeKind::kCompleted; }));
}

TEST_F(Oip, ReportsWhatIsWrongWithMetadata) {
    std::atomic<int> status{401};
    server_ = std::make_unique<test::FakeServer>([&](test::Exchange& exchange) {
        exchange.reply(status, "application/json", status == 200 ? "[]" : R"({"error":"key-1"})");
    });
    start({.base_urls = {server_->url()}, .models = {"m"}, .api_key = "key-1"});
    const auto denied = outcome_of(row({1}));
    EXPECT_EQ(denied.kind, OutcomeKind::kPermanent);
    EXPECT_EQ(denied.error_message, "the server answered 401: ***");
    status = 503;
    EXPECT_EQ(outcome_of(row({1})).error_code, "server_busy");
    status = 200;
    Outcome garbage;
    EXPECT_TRUE(eventually([&] {
        garbage = outcome_of(row({1}));
        return garbage.error_message.find("GET /v2") != std::string::npos;
    })) << garbage.error_message;
    EXPECT_EQ(garbage.error_code, "server_unavailable");
}

TEST_F(Oip, LearnsAModelThatHasChanged) {
    std::atomic<bool> changed{false};
    server_ = std::make_unique<test::FakeServer>([&](test::Exchange& exchange) {
        if (changed && exchange.target() == "GET /v2/models/m") {
            return exchange.reply(200, "application/json",
                                  R"({"inputs":[{"name":"z","datatype":"FP32","shape":[-1,1]}]})");
        }
        handler({}, [&](test::Exchange& infer) {
            changed ? infer.reply(400, "application/json", R"({"error":"no input x"})")
                    : answer_doubled(infer);
        })(exchange);
    });
    start({.base_urls = {server_->url()}, .models = {"m"}});
    EXPECT_EQ(data_of(outcome_of(row({1}))), json({2}));
    changed = true;
    EXPECT_EQ(outcome_of(row({1})).error_code, "http_400");
    EXPECT_TRUE(eventually([&] { return outcome_of(row({1})).error_code == "invalid_input"; }));
}

TEST_F(Oip, GivesUpOnASilentServerAndLeavesItAlone) {
    start_with([](test::Exchange& exchange) { exchange.wait_for_close(); },
               {.timeout = milliseconds(100)});
    for (int i = 0; i < 3; ++i) {
        const auto outcome = outcome_of(row({1}));
        EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable);
        EXPECT_EQ(outcome.error_code, "request_timeout");
    }
    EXPECT_EQ(outcome_of(row({1})).error_code, "server_unavailable");
}

}  // namespace
}  // namespace millrace::backends

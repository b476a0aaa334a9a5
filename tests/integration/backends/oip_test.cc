// The oip backend over real connections: batches, dialects, aborts. Servers that fail are in
// oip_faults_test.cc.
#include <atomic>
#include <future>
#include <latch>

#include "tests/integration/backends/oip_fake.h"
#include "tests/support/eventually.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

TEST_F(Oip, RunsAJob) {
    std::promise<std::pair<std::string, std::string>> seen;
    start_with(
        [&](test::Exchange& exchange) {
            seen.set_value({exchange.target(), exchange.header("authorization")});
            answer_doubled(exchange);
        },
        {.models = {"m=real/versions/2"}, .api_key = "key-1"});
    const auto outcome = outcome_of(row({1, 2}, R"(,"id":"mine")"));
    EXPECT_EQ(seen.get_future().get(),
              std::pair(std::string("POST /v2/models/real/versions/2/infer"),
                        std::string("Bearer key-1")));
    EXPECT_EQ(outcome.output_json,
              R"({"model_name":"m","id":"mine","outputs":[{"name":"y","datatype":"FP32",)"
              R"("shape":[1,2],"data":[2,4]}]})");
}

TEST_F(Oip, BatchesRowsAndGivesEachJobItsOwn) {
    start_with(answer);
    const auto outcomes = outcomes_of({row({1, 2}), row({3, 4}), row({5, 6})});
    EXPECT_EQ(data_of(outcomes[0]), json({2, 4}));
    EXPECT_EQ(data_of(outcomes[1]), json({6, 8}));
    EXPECT_EQ(data_of(outcomes[2]), json({10, 12}));
    ASSERT_EQ(infers().size(), 1U);
    EXPECT_EQ(infers()[0].head["inputs"][0]["shape"], json({3, 2}));
    EXPECT_EQ(infers()[0].x, (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST_F(Oip, UsesJsonIfTheServerHasNoExtension) {
    start_with(answer, {}, {.binary = false});
    const auto outcomes = outcomes_of({row({1, 2}), row({3, 4})});
    EXPECT_EQ(data_of(outcomes[0]), json({2, 4}));
    EXPECT_EQ(data_of(outcomes[1]), json({6, 8}));
    ASSERT_EQ(infers().size(), 1U);
    EXPECT_EQ(infers()[0].head["inputs"][0]["data"], json({1, 2, 3, 4}));
    EXPECT_FALSE(infers()[0].head.contains("parameters"));
}

TEST_F(Oip, KeepsToTheModelsLimit) {
    start_with(answer, {}, {.max_batch_size = 2});
    for (const auto& outcome : outcomes_of({row({1}), row({1}), row({1}), row({1}), row({1})})) {
        EXPECT_EQ(data_of(outcome), json({2}));
    }
    std::vector<std::size_t> rows;
    for (const auto& infer : infers()) rows.push_back(infer.rows());
    EXPECT_EQ(rows, (std::vector<std::size_t>{2, 2, 1}));
}

TEST_F(Oip, RunsJobsOneByOneIfTheModelDoesNotBatch) {
    start_with(answer, {}, {.max_batch_size = 0});
    for (const auto& outcome : outcomes_of({row({1}), row({1})})) {
        EXPECT_EQ(data_of(outcome), json({2}));
    }
    EXPECT_EQ(infers().size(), 2U);
    // From now on the executor learns by the batch key that no two jobs can share a call.
    const JobSpec spec{{.model = "m"}, row({1}), {}};
    EXPECT_NE(backend_->batch_key(spec), backend_->batch_key(spec));
}

TEST_F(Oip, GivesAlikeJobsTheSameKey) {
    start_with(answer);
    const auto key = [&](const std::string& input) {
        return backend_->batch_key({{.model = "m"}, input, {}});
    };
    EXPECT_EQ(key(row({1, 2})), key(row({3, 4})));
    EXPECT_NE(key(row({1, 2})), key(row({1, 2, 3})));
}

TEST_F(Oip, RefusesInputsThatDoNotFitTheModelUnsent) {
    start_with(answer);
    const auto outcomes =
        outcomes_of({R"({"prompt":"a"})", row({1}),
                     R"({"inputs":[{"name":"x","shape":[1,1],"datatype":"INT8","data":[1]}]})",
                     R"({"inputs":[{"name":"z","shape":[1,1],"datatype":"FP32","data":[1]}]})"});
    EXPECT_EQ(data_of(outcomes[1]), json({2}));
    for (const std::size_t wrong : {0, 2, 3}) {
        EXPECT_EQ(outcomes[wrong].kind, OutcomeKind::kPermanent);
        EXPECT_EQ(outcomes[wrong].error_code, "invalid_input");
    }
    EXPECT_EQ(outcome_of(row({1}), "other").error_code, "model_unavailable");
    EXPECT_EQ(infers().size(), 1U);
}

// --- One bad job of many ------------------------------------------------------------------------

TEST_F(Oip, FindsTheJobThatTheServerRefuses) {
    start_with([](test::Exchange& exchange) {
        if (!read_infer(exchange).has(13)) return answer_doubled(exchange);
        exchange.reply(400, "application/json", R"({"error":"13 is out of range"})");
    });
    const auto outcomes = outcomes_of(
        {row({1}), row({2}), row({3}), row({13}), row({5}), row({6}), row({7}), row({8})});
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (i == 3) {
            EXPECT_EQ(outcomes[i].kind, OutcomeKind::kPermanent);
            EXPECT_EQ(outcomes[i].error_message, "the server answered 400: 13 is out of range");
        } else {
            EXPECT_EQ(outcomes[i].kind, OutcomeKind::kCompleted) << i;
        }
    }
    EXPECT_EQ(infers().size(), 7U) << "8, two of 4, two of 2, two of 1";
}

TEST_F(Oip, AModelThatFailsForAllIsAskedABoundedNumberOfTimes) {
    start_with(fail_model);
    for (const auto& outcome : outcomes_of({row({1}), row({2}), row({3}), row({4})})) {
        EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable);
        EXPECT_EQ(outcome.error_code, "model_error");
    }
    EXPECT_EQ(infers().size(), 7U) << "2n - 1";
}

TEST_F(Oip, OnlyTheJobWithTooMuchOutputFails) {
    start_with(
        [](test::Exchange& exchange) {
            const auto infer = read_infer(exchange);
            if (!infer.has(13)) return answer_doubled(exchange);
            exchange.reply(200, "application/json", std::string(400'000, ' '));
        },
        {.output_bytes_max = 200});
    const auto outcomes = outcomes_of({row({1}), row({13}), row({3}), row({4})});
    EXPECT_EQ(outcomes[1].error_code, "output_too_large");
    for (const std::size_t fine : {0, 2, 3}) {
        EXPECT_EQ(outcomes[fine].kind, OutcomeKind::kCompleted);
    }
}

TEST_F(Oip, RunsJobsAloneWhenOutputsDoNotFollowTheRows) {
    start_with([](test::Exchange& exchange) {
        exchange.reply(
            200, "application/json",
            R"({"outputs":[{"name":"sum","datatype":"FP32","shape":[1],"data":[1.5]}]})");
    });
    for (const auto& outcome : outcomes_of({row({1}), row({2})})) {
        EXPECT_EQ(data_of(outcome), json({1.5}));
    }
}

// --- Ends on our side ---------------------------------------------------------------------------

TEST_F(Oip, AnAbortOfTheLastJobClosesTheConnection) {
    std::promise<void> arrived;
    std::promise<bool> closed;
    start_with([&](test::Exchange& exchange) {
        arrived.set_value();
        closed.set_value(exchange.wait_for_close());
    });
    const auto keys = run_batch({row({1}), row({2})});
    arrived.get_future().wait();
    backend_->abort(keys[0], AbortReason::kCancelled);
    EXPECT_EQ(sink_.outcome(keys[0]).kind, OutcomeKind::kCancelled);
    backend_->abort(keys[1], AbortReason::kInterrupted);
    EXPECT_EQ(sink_.outcome(keys[1]).kind, OutcomeKind::kInterrupted);
    EXPECT_TRUE(closed.get_future().get());
}

TEST_F(Oip, AnAbortLeavesTheNeighboursAlone) {
    std::promise<void> arrived;
    std::promise<void> aborted;
    start_with([&](test::Exchange& exchange) {
        arrived.set_value();
        aborted.get_future().wait();
        answer_doubled(exchange);
    });
    const auto keys = run_batch({row({1}), row({2}), row({3})});
    arrived.get_future().wait();
    backend_->abort(keys[1], AbortReason::kCancelled);
    EXPECT_EQ(sink_.outcome(keys[1]).kind, OutcomeKind::kCancelled);
    aborted.set_value();
    EXPECT_EQ(data_of(sink_.outcome(keys[0])), json({2}));
    EXPECT_EQ(data_of(sink_.outcome(keys[2])), json({6}));
}

TEST_F(Oip, ADeadlineEndsItsJobOnly) {
    std::promise<void> late;
    start_with([&](test::Exchange& exchange) {
        late.get_future().wait();
        answer_doubled(exchange);
    });
    std::vector<Execution> batch;
    batch.push_back(
        make_execution({.model = "m", .input = row({1}), .deadline = milliseconds(200)}));
    batch.push_back(make_execution({.model = "m", .input = row({2})}));
    const std::vector keys{batch[0].job.key, batch[1].job.key};
    backend_->run(std::move(batch));
    EXPECT_EQ(sink_.outcome(keys[0]).kind, OutcomeKind::kTimeout);
    late.set_value();
    EXPECT_EQ(data_of(sink_.outcome(keys[1])), json({4}));
}

TEST_F(Oip, StopInterruptsRunningJobsAndThoseThatWaitForMetadata) {
    std::latch arrived(2);
    const auto whole = handler({}, [&](test::Exchange& exchange) {
        arrived.count_down();
        exchange.wait_for_close();
    });
    server_ = std::make_unique<test::FakeServer>([&](test::Exchange& exchange) {
        if (exchange.target() != "GET /v2/models/slow") return whole(exchange);
        arrived.count_down();
        exchange.wait_for_close();
    });
    start({.base_urls = {server_->url()}, .models = {"m", "slow"}});
    const auto running = run(row({1}));
    const auto waiting = run(row({1}), "slow");
    arrived.wait();
    backend_->stop();
    EXPECT_EQ(sink_.outcome(running).kind, OutcomeKind::kInterrupted);
    EXPECT_EQ(sink_.outcome(waiting).kind, OutcomeKind::kInterrupted);
    EXPECT_EQ(outcome_of(row({1})).kind, OutcomeKind::kInterrupted);
}

TEST_F(Oip, RunsBatchesBesideEachOther) {
    constexpr int kBatches = 8;
    std::latch all_arrived(kBatches);
    start_with(
        [&](test::Exchange& exchange) {
            all_arrived.arrive_and_wait();
            answer_doubled(exchange);
        },
        {.slots = kBatches});
    std::vector<AttemptKey> keys;
    for (int i = 0; i < kBatches; ++i) keys.push_back(run(row({i})));
    for (int i = 0; i < kBatches; ++i) EXPECT_EQ(data_of(sink_.outcome(keys[i])), json({2 * i}));
}

TEST(OipStart, AsksTheServerForItsModels) {
    test::FakeServer server([](test::Exchange& exchange) {
        EXPECT_EQ(exchange.target(), "POST /v2/repository/index");
        exchange.reply(200, "application/json",
                       R"([{"name":"a","version":"1","state":"READY"},{"name":"b"}])");
    });
    RecordingSink sink;
    oip::OipBackend backend({.base_urls = {server.url()}});
    ASSERT_TRUE(backend.start(sink).has_value());
    EXPECT_EQ(backend.info().models, std::vector<std::string>{"a"});
}

TEST(OipStart, RefusesInvalidSettings) {
    RecordingSink sink;
    EXPECT_FALSE(oip::OipBackend({.base_urls = {"ftp://host"}}).start(sink));
    EXPECT_FALSE(oip::OipBackend({.base_urls = {"http://host"}, .models = {"a", "a"}}).start(sink));
    EXPECT_FALSE(oip::OipBackend({}).start(sink));
}

TEST(OipStart, SaysWhatItWaitsFor) {
    RecordingSink sink;
    const auto waits_for = [&](const std::string& url) {
        oip::OipBackend backend({.base_urls = {url}});
        EXPECT_TRUE(backend.start(sink));
        return backend.info().waits_for;
    };
    EXPECT_NE(waits_for(fmt::format("http://127.0.0.1:{}", test::unused_port())), "");
    test::FakeServer server(
        [](test::Exchange& exchange) { exchange.reply(200, "application/json", "[]"); });
    const auto empty = waits_for(server.url());
    EXPECT_NE(empty.find("has no model"), std::string::npos) << empty;
}

TEST(OipStart, FollowsTheModelsOfAServerThatComesLaterAndLosesThem) {
    std::atomic<bool> is_there{false};
    test::FakeServer server([&](test::Exchange& exchange) {
        if (!is_there) return exchange.reply(503, "text/plain", "starting");
        exchange.reply(200, "application/json", R"([{"name":"a","state":"READY"}])");
    });
    RecordingSink sink;
    oip::OipBackend backend({.base_urls = {server.url()}});
    ASSERT_TRUE(backend.start(sink));
    EXPECT_NE(backend.info().waits_for, "");
    const auto key = run_one(backend, {.model = "a", .input = "{}"});
    EXPECT_EQ(sink.outcome(key).kind, OutcomeKind::kRateLimited);
    EXPECT_EQ(sink.outcome(key).error_code, "model_unavailable");
    is_there = true;
    ASSERT_TRUE(test::eventually([&] { return sink.changes() > 0; }));
    EXPECT_EQ(backend.info().models, std::vector<std::string>{"a"});
    EXPECT_EQ(backend.info().waits_for, "");
}

}  // namespace
}  // namespace millrace::backends

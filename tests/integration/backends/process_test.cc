// The process backend with a program that keeps to the protocol: millrace_worker's runtime.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <set>

#include "tests/integration/backends/process_fixture.h"

namespace millrace::backends {
namespace {

using nlohmann::json;
using testing::HasSubstr;

using Process = ProcessTest;

TEST_F(Process, LearnsFromTheProgramWhatItServes) {
    start();
    EXPECT_EQ(backend_->info().name, "process");
    EXPECT_EQ(backend_->info().models, std::vector<std::string>{"obedient"});
    EXPECT_EQ(backend_->info().batch_max, 8U);
    start({.models = {"other"}, .batch_max = 2});
    EXPECT_EQ(backend_->info().models, std::vector<std::string>{"other"});
    EXPECT_EQ(backend_->info().batch_max, 2U);
}

TEST_F(Process, RunsABatchAsOneCall) {
    start();
    const auto keys = run({R"({"say":"a"})", R"({"say":"b"})", R"({"say":"c"})"});
    const std::vector<std::string> said{"a", "b", "c"};
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto result = output(keys[i]);
        EXPECT_EQ(result["said"], said[i]);
        EXPECT_EQ(result["batch"], 3);
    }
    EXPECT_EQ(sink_.outcome(keys[0]).usage, (Usage{3, 1}));
}

TEST_F(Process, KeepsItsProcess) {
    start();
    const int first = pid();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(pid(), first);
}

TEST_F(Process, PassesOnProgressAndText) {
    start();
    const auto key = run(doing("tell"));
    output(key);
    const auto record = sink_.record(key);
    EXPECT_EQ(record.text, "Hello");
    ASSERT_EQ(record.progress.size(), 1U);
    EXPECT_EQ(record.progress.front(), std::pair(0.5, std::string("half")));
}

TEST_F(Process, EachItemHasItsOwnOutcome) {
    start();
    const auto keys = run({doing("refuse"), "{}", doing("later"), doing("busy")});
    const auto refused = sink_.outcome(keys[0]);
    EXPECT_EQ(refused.kind, OutcomeKind::kPermanent);
    EXPECT_EQ(refused.error_code, "unknown_voice");
    EXPECT_EQ(refused.error_message, "no such voice");
    output(keys[1]);
    const auto later = sink_.outcome(keys[2]);
    EXPECT_EQ(later.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(later.retry_after, milliseconds(5000));
    const auto busy = sink_.outcome(keys[3]);
    EXPECT_EQ(busy.kind, OutcomeKind::kRateLimited);
    EXPECT_EQ(busy.retry_after, milliseconds(7000));
}

TEST_F(Process, AJobThatFailsItsBatchFailsAlone) {
    start();
    const auto keys = run({"{}", doing("raise"), "{}", "{}"});
    const auto failed = sink_.outcome(keys[1]);
    EXPECT_EQ(failed.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(failed.error_code, "runtime_error");
    EXPECT_EQ(failed.error_message, "device lost");
    for (const std::size_t i : {0, 2, 3}) output(keys[i]);
}

TEST_F(Process, WhatAProgramPrintsIsNotAMessage) {
    start();
    output_of(doing("print"));
    output_of();
}

TEST_F(Process, EverySlotHasItsProcessAndDevice) {
    start({.slots = 2, .devices = parse_devices({"0", "MIG-1"}).value()});
    Gate one;
    Gate two;
    const auto first = run(one.input());
    const auto second = run(two.input());
    one.open();
    two.open();
    std::set<std::string> devices;
    std::set<int> pids;
    for (const auto& key : {first, second}) {
        devices.insert(output(key)["device"].get<std::string>());
        pids.insert(output(key)["pid"].get<int>());
    }
    EXPECT_EQ(devices, (std::set<std::string>{"0", "MIG-1"}));
    EXPECT_EQ(pids.size(), 2U);
    EXPECT_EQ(backend_->info().devices, (std::vector<std::string>{"0", "MIG-1"}));
}

TEST_F(Process, ADeviceMayBeAnAcceleratorAndProcessors) {
    start();
    const int processor = output_of()["processors"].back().get<int>();
    const auto device = fmt::format("1+cpu:{}", processor);
    start({.devices = parse_devices({device}).value()});
    const auto facts = output_of();
    EXPECT_EQ(facts["device"], device);
    EXPECT_EQ(facts["cuda"], "1");
    EXPECT_EQ(facts["processors"], nlohmann::json({processor}));
}

TEST_F(Process, MissingProcessorsAreNamedAtTheStart) {
    EXPECT_THAT(start_error({.devices = parse_devices({"cpu:1023"}).value()}),
                testing::HasSubstr("none of its processors exists"));
}

TEST_F(Process, AHandlerThatChecksEndsACancelledItemAtOnce) {
    start();
    const int before = pid();
    const auto keys = run({doing("wait"), "{}"});
    sink_.wait_for_partial(keys[0]);
    backend_->abort(keys[0], AbortReason::kCancelled);
    EXPECT_EQ(output(keys[1])["pid"], before);
    output(keys[0]);  // It ran to its end, which is fine too.
    EXPECT_EQ(pid(), before);
}

TEST_F(Process, ACancelLeavesTheNeighboursAlone) {
    start({.grace = milliseconds(10)});
    Gate gate;
    const auto keys = run({"{}", gate.input()});
    sink_.wait_for_partial(keys[1]);
    backend_->abort(keys[0], AbortReason::kCancelled);
    // The handler does not check for aborts; after the grace the item is given up, but not its
    // process.
    EXPECT_EQ(sink_.outcome(keys[0]).kind, OutcomeKind::kCancelled);
    gate.open();
    output(keys[1]);
    EXPECT_EQ(sink_.record(keys[0]).outcomes.size(), 1U);
}

TEST_F(Process, KillsAProcessThatKeepsRunningCancelledItems) {
    start({.grace = milliseconds(50)});
    const int before = pid();
    for (const auto& [reason, kind] :
         {std::pair{AbortReason::kCancelled, OutcomeKind::kCancelled},
          std::pair{AbortReason::kInterrupted, OutcomeKind::kInterrupted}}) {
        const auto keys = run({doing("hang"), "{}"});
        sink_.wait_for_partial(keys[0]);
        for (const auto& key : keys) backend_->abort(key, reason);
        for (const auto& key : keys) EXPECT_EQ(sink_.outcome(key).kind, kind);
    }
    EXPECT_NE(pid(), before);
}

TEST_F(Process, ADeadlineEndsAHangingProcess) {
    start({.grace = milliseconds(50)});
    const auto key = run_one(
        *backend_, {.model = "obedient", .input = doing("hang"), .deadline = milliseconds(100)});
    EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kTimeout);
    output_of();
}

TEST_F(Process, StopInterruptsRunningJobs) {
    start();
    const auto key = run(doing("wait"));
    sink_.wait_for_partial(key);
    backend_->stop();
    EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kInterrupted);
    EXPECT_EQ(outcome_of("{}").kind, OutcomeKind::kInterrupted);
}

TEST_F(Process, StopKillsAHangingProcess) {
    start({.grace = milliseconds(50)});
    const int process = pid();
    const auto key = run(doing("hang"));
    sink_.wait_for_partial(key);
    backend_->stop();
    EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kInterrupted);
    EXPECT_NE(::kill(process, 0), 0);
}

}  // namespace
}  // namespace millrace::backends

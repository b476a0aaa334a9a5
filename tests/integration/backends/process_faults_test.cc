// The faults of the process backend's children, and which jobs they cost an attempt.
#include <gmock/gmock.h>

#include "tests/integration/backends/process_fixture.h"

namespace millrace::backends {
namespace {

using nlohmann::json;
using testing::HasSubstr;

using ProcessFaults = ProcessTest;

TEST_F(ProcessFaults, ADeathCostsAnAttemptOfTheJobThatCausesIt) {
    start();
    const int before = pid();
    for (const std::size_t culprit : {0, 1, 2}) {
        std::vector<std::string> inputs(3, "{}");
        inputs[culprit] = doing("exit");
        const auto keys = run(inputs);
        for (std::size_t i = 0; i < keys.size(); ++i) {
            const auto outcome = sink_.outcome(keys[i]);
            if (i != culprit) {
                EXPECT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
                continue;
            }
            EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable);
            EXPECT_EQ(outcome.error_code, "process_died");
            EXPECT_THAT(outcome.error_message, HasSubstr("exit code 3"));
        }
    }
    EXPECT_NE(pid(), before);
}

TEST_F(ProcessFaults, ManyDeathsGiveTheRestOfTheBatchBack) {
    start();
    const auto keys = run({doing("exit"), doing("exit"), doing("exit"), "{}"});
    EXPECT_EQ(sink_.outcome(keys[0]).error_code, "process_died");
    EXPECT_EQ(sink_.outcome(keys[1]).error_code, "process_died");
    for (const std::size_t i : {2, 3}) {
        const auto outcome = sink_.outcome(keys[i]);
        EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
        EXPECT_EQ(outcome.error_code, "process_unavailable");
    }
}

TEST_F(ProcessFaults, AnItemThatHasShownTextIsNotRunTwice) {
    start();
    const auto keys = run({doing("tell"), doing("exit")});
    EXPECT_EQ(sink_.outcome(keys[0]).error_code, "process_died");
    EXPECT_EQ(sink_.record(keys[0]).text, "Hello");
    EXPECT_EQ(sink_.outcome(keys[1]).error_code, "process_died");
}

TEST_F(ProcessFaults, ADeathBySignalIsNamed) {
    start();
    const auto outcome = outcome_of(doing("die"));
    EXPECT_EQ(outcome.error_code, "process_died");
    EXPECT_THAT(outcome.error_message, HasSubstr("signal 9 (Killed)"));
}

TEST_F(ProcessFaults, ADeathLeavesTheOtherSlotsAlone) {
    start({.slots = 2});
    Gate gate;
    const auto other = run(gate.input());
    sink_.wait_for_partial(other);
    EXPECT_EQ(outcome_of(doing("exit")).error_code, "process_died");
    output_of();
    gate.open();
    output(other);
}

TEST_F(ProcessFaults, AProcessThatTakesTooMuchMemoryIsKilled) {
    start({.memory_bytes_max = 100 << 20});
    const auto keys = run({doing("grow"), "{}"});
    output(keys[1]);
    const auto outcome = sink_.outcome(keys[0]);
    EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(outcome.error_code, "process_memory");
    EXPECT_THAT(outcome.error_message, HasSubstr("more than the 100 MiB"));
    output_of();
}

TEST_F(ProcessFaults, AProcessWhoseBatchesAllFailIsReplaced) {
    start({.failures_max = 2});
    const int before = pid();
    EXPECT_EQ(outcome_of(doing("raise")).error_code, "runtime_error");
    EXPECT_EQ(pid(), before);  // One job works, so the count begins again.
    for (int i = 0; i < 2; ++i) EXPECT_EQ(outcome_of(doing("raise")).error_code, "runtime_error");
    EXPECT_NE(pid(), before);
}

TEST_F(ProcessFaults, AWrongMessageCostsAnAttemptAndSaysWhatItWas) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"garbage", "not a JSON object"},
        {"long", "a frame of 4294967295 bytes"},
        {"deep", "not a JSON object"},
        {"twice", "second time"},
    };
    for (const auto& [way, expected] : cases) {
        start({.command = program("rude.py", {way})});
        for (int i = 0; i < 2; ++i) {  // The second time, it is another process.
            const auto outcome = outcome_of("{}");
            EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable) << way;
            EXPECT_EQ(outcome.error_code, "invalid_message") << way;
            EXPECT_THAT(outcome.error_message, HasSubstr(expected)) << way;
        }
    }
}

// Each fault concerns one job: the process lives, and the neighbours' outputs count.
TEST_F(ProcessFaults, InvalidOutputsFailOnlyTheirOwnItems) {
    start({.command = program("rude.py", {"odd outputs"})});
    const auto keys = run(std::vector<std::string>(8, "{}"));
    const std::vector<std::string> codes{"invalid_output",   "",
                                         "output_too_large", "invalid_output",
                                         "invalid_output",   "invalid_output",
                                         "invalid_output",   ""};
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto outcome = sink_.outcome(keys[i]);
        EXPECT_EQ(outcome.error_code, codes[i]) << i << ": " << outcome.error_message;
        EXPECT_EQ(outcome.kind,
                  codes[i].empty() ? OutcomeKind::kCompleted : OutcomeKind::kPermanent);
    }
    EXPECT_EQ(output(keys[1]), "caf\uFFFD \uFFFD");
}

TEST_F(ProcessFaults, InvalidTextChangesNoOutcome) {
    start();
    const int before = pid();
    const auto giving = [](const std::string& what) { return json{{"give", what}}.dump(); };
    const auto keys = run({giving("nul"), giving("half"), giving("nan"), giving("bytes"),
                           giving("large"), doing("write"), "{}"});
    EXPECT_EQ(output(keys[0])["odd"], std::string("a\0b", 3));
    EXPECT_EQ(output(keys[1])["odd"], "caf\uFFFD");
    for (const std::size_t i : {2, 3}) {
        const auto outcome = sink_.outcome(keys[i]);
        EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent);
        EXPECT_EQ(outcome.error_code, "invalid_output");
        EXPECT_THAT(outcome.error_message, HasSubstr("the output.odd is "));
    }
    EXPECT_THAT(sink_.outcome(keys[4]).output_json,
                HasSubstr("\"odd\":1267650600228229401496703205376"));
    output(keys[5]);
    EXPECT_EQ(sink_.record(keys[5]).text,
              std::string("a\0b", 3) + "\uFFFD" + std::string(40'000, 'x'));
    const auto raised = outcome_of(doing("raise nul"));
    EXPECT_EQ(raised.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(raised.error_code, "value_error");
    EXPECT_THAT(raised.error_message, HasSubstr("unexpected byte"));
    EXPECT_LE(raised.error_message.size(), 2048U);
    EXPECT_EQ(pid(), before);
}

TEST_F(ProcessFaults, HalfAMessageCountsAsADeath) {
    start({.command = program("rude.py", {"half"})});
    const auto outcome = outcome_of("{}");
    EXPECT_EQ(outcome.error_code, "process_died");
    EXPECT_THAT(outcome.error_message, HasSubstr("exit code 0"));
}

TEST_F(ProcessFaults, AProcessThatClosesTheChannelIsKilled) {
    start({.command = program("rude.py", {"close"}), .grace = milliseconds(20)});
    EXPECT_EQ(outcome_of("{}").error_code, "invalid_message");
}

TEST_F(ProcessFaults, MessagesBeforeADeathCount) {
    start({.command = program("rude.py", {"last words"})});
    EXPECT_EQ(output_of(), "said");
}

TEST_F(ProcessFaults, MessagesAboutItemsThatDoNotRunAreIgnored) {
    start({.command = program("rude.py", {"strangers"}), .grace = milliseconds(20)});
    EXPECT_EQ(output_of(), "mine");
}

TEST_F(ProcessFaults, AProcessThatDoesNotRestartCostsNoAttempt) {
    const auto folder = millrace::process::TemporaryDirectory::make("millrace-test-").value();
    start({.command = program("rude.py", {"once", folder.path() / "flag"})});
    EXPECT_EQ(outcome_of("{}").error_code, "process_died");
    const auto outcome = outcome_of("{}");
    EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
    EXPECT_EQ(outcome.error_code, "process_unavailable");
    EXPECT_TRUE(outcome.retry_after);
}

TEST_F(ProcessFaults, AStartThatFailsSaysWhy) {
    const auto silent = start_error(
        {.command = program("rude.py", {"silent"}), .start_timeout = milliseconds(200)});
    EXPECT_THAT(silent, HasSubstr("backend.process.start_timeout"));
    const auto exited = start_error({.command = program("rude.py", {"exit"}), .slots = 2});
    EXPECT_THAT(exited, HasSubstr("exit code 7"));
    EXPECT_THAT(exited, HasSubstr("there are no weights"));
    EXPECT_THAT(start_error({.command = {"no-such-program"}}), HasSubstr("no-such-program"));
    EXPECT_THAT(start_error({.command = program("rude.py", {"old"})}), HasSubstr("\"protocol\""));
    EXPECT_THAT(start_error({.command = program("rude.py", {"early"})}), HasSubstr("before"));
    EXPECT_THAT(start_error({.command = program("rude.py", {"nameless"})}),
                HasSubstr("backend.process.models"));
}

TEST_F(ProcessFaults, AJobThatWaitsForAProcessCanBeCancelled) {
    const auto folder = millrace::process::TemporaryDirectory::make("millrace-test-").value();
    start({.grace = milliseconds(20)});
    // When the second batch comes, the process is being replaced or has been.
    const auto first = run(doing("exit"));
    sink_.outcome(first);
    const auto second = run(doing("hang"));
    backend_->abort(second, AbortReason::kCancelled);
    EXPECT_EQ(sink_.outcome(second).kind, OutcomeKind::kCancelled);
    output_of();
}

}  // namespace
}  // namespace millrace::backends

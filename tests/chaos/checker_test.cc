// Histories made by hand: good ones pass, and each kind of broken promise is found.
#include "tests/chaos/checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/process/temporary_directory.h"
#include "tests/chaos/fault_table.h"

namespace millrace::chaos {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Span at(int from, int to) {
    return {Moment(from), Moment(to)};
}

View completed(std::string text = "text", std::string of = "job_a") {
    return {.status = "completed", .attempt = 1, .text = std::move(text), .output_of = of};
}

View running() {
    return {.status = "in_progress", .attempt = 1};
}

std::vector<Flaw> flaws(const History& history) {
    std::vector<Flaw> flaws;
    for (const auto& finding : check(history)) flaws.push_back(finding.flaw);
    return flaws;
}

// One keyed job that is submitted, seen running, seen completed, and listed as completed.
class Checker : public testing::Test {
 protected:
    History history{
        .planned = {{.job = 0, .keyed = true, .end = "completed", .text = "text"}},
        .submitted = {{.job = 0, .span = at(0, 10), .http = 202, .id = "job_a"}},
        .seen = {{.job = 0,
                  .id = "job_a",
                  .how = "read",
                  .span = at(20, 30),
                  .http = 200,
                  .view = running()},
                 {.job = 0,
                  .id = "job_a",
                  .how = "read",
                  .span = at(40, 50),
                  .http = 200,
                  .view = completed()}},
        .listed = {{.job = 0, .id = "job_a", .view = {.status = "completed", .attempt = 1}}}};

    Planned& planned() { return history.planned.front(); }
    Submitted& submitted() { return history.submitted.front(); }
    Listed& listed() { return history.listed.front(); }
    void submit_again(int http, std::string id) {
        history.submitted.push_back(
            {.job = 0, .span = at(10, 20), .http = http, .id = std::move(id)});
    }
    void see(int from, int to, int http, View view = {}) {
        history.seen.push_back({.job = 0,
                                .id = "job_a",
                                .how = "read",
                                .span = at(from, to),
                                .http = http,
                                .view = std::move(view)});
    }
};

TEST_F(Checker, PassesAGoodRun) {
    EXPECT_THAT(flaws(history), IsEmpty());
}

TEST_F(Checker, PassesUnavailabilityLostAnswersAndReplays) {
    submit_again(503, "");
    submit_again(0, "");
    submit_again(504, "job_b");
    submit_again(200, "job_a");
    see(60, 70, 503);
    see(60, 70, 0);
    EXPECT_THAT(flaws(history), IsEmpty());
}

TEST_F(Checker, FindsAnAcceptedJobThatNeverEnds) {
    history.seen.pop_back();
    listed().view = running();
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kLost));
}

TEST_F(Checker, FindsAnAcceptedJobThatDoesNotExist) {
    history.seen.clear();
    history.listed.clear();
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kLie));
}

TEST_F(Checker, FindsAnEndThatChanges) {
    see(60, 70, 200, {.status = "failed", .attempt = 1});
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kTwoEnds));
}

TEST_F(Checker, FindsAnEndThatIsReversed) {
    see(60, 70, 200, running());
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kTwoEnds));
}

TEST_F(Checker, AllowsAnOldAnswerToArriveLate) {
    see(35, 70, 200, running());
    EXPECT_THAT(flaws(history), IsEmpty());
}

TEST_F(Checker, FindsAnotherEndInTheList) {
    listed().view = {.status = "failed", .attempt = 1, .failures = 1};
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kTwoEnds, Flaw::kBurnt, Flaw::kBurnt));
}

TEST_F(Checker, FindsAJobThatIsListedTwice) {
    history.listed.push_back(listed());
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kTwoEnds));
}

TEST_F(Checker, FindsASecondRunUnderTheSameEnd) {
    see(60, 70, 200, {.status = "completed", .attempt = 2, .text = "text", .output_of = "job_a"});
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kTwoEnds));
}

TEST_F(Checker, FindsAttemptsThatGoBack) {
    history.seen.front().view.attempt = 2;
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kTwoEnds));
}

TEST_F(Checker, FindsTheOutputOfAnotherJob) {
    history.seen.back().view = completed("text", "job_b");
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kWrongContent));
    history.seen.back().view = completed("other");
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kWrongContent));
}

TEST_F(Checker, FindsTwoJobsWithTheSameKey) {
    history.listed.push_back(listed());
    history.listed.back().id = "job_b";
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kDuplicate));
    submit_again(202, "job_b");
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kDuplicate, Flaw::kDuplicate));
}

TEST_F(Checker, AllowsAJobOfALostAnswerOnlyWithoutAKey) {
    planned().keyed = false;
    history.listed.push_back(listed());
    history.listed.back().id = "job_b";
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kDuplicate));
    submit_again(0, "");
    EXPECT_THAT(flaws(history), IsEmpty());
}

TEST_F(Checker, FindsARefusalOfAJobThatExists) {
    submitted() = {.job = 0, .span = at(0, 10), .http = 503};
    history.seen.clear();
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kLie));
}

TEST_F(Checker, FindsADenialOfAJobThatExists) {
    see(60, 70, 404);
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kLie));
}

TEST_F(Checker, FindsAnInterruptionThatCounted) {
    listed().view.attempt = history.seen.back().view.attempt = 2;
    listed().view.failures = history.seen.back().view.failures = 1;
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kBurnt));
    listed().view.failures = history.seen.back().view.failures = 0;
    listed().view.interruptions = history.seen.back().view.interruptions = 1;
    EXPECT_THAT(flaws(history), IsEmpty());
}

TEST_F(Checker, FindsAFailureThatDidNotHappen) {
    planned().failures = 1;
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kWrongEnd));
}

TEST_F(Checker, FindsACancellationThatNobodyAskedFor) {
    history.seen.clear();
    listed().view = {.status = "cancelled"};
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kWrongEnd));
    planned().cancels = true;
    EXPECT_THAT(flaws(history), IsEmpty());
}

TEST_F(Checker, FindsAnAnswerThatNoGoodRequestGets) {
    submit_again(500, "");
    see(60, 70, 500);
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kOddAnswer, Flaw::kOddAnswer));
}

TEST_F(Checker, FindsAJobThatNobodySubmitted) {
    history.listed.push_back({.job = 7, .id = "job_c", .view = listed().view});
    EXPECT_THAT(flaws(history), ElementsAre(Flaw::kDuplicate));
}

TEST_F(Checker, ReadsWhatWasWritten) {
    history.retried = {{.id = "job_a", .how = "retry", .span = at(60, 70), .http = 503}};
    history.faults = {{"fault", at(25, 45)}};
    history.listed.front().lost = 1;
    const auto directory = process::TemporaryDirectory::make("millrace-chaos-").value();
    const auto file = directory.path() / "history.jsonl";
    HistoryWriter writer(file);
    for (const auto& event : history.planned) writer.write(event);
    for (const auto& event : history.submitted) writer.write(event);
    for (const auto& event : history.seen) writer.write(event);
    for (const auto& event : history.retried) writer.write(event);
    for (const auto& event : history.listed) writer.write(event);
    for (const auto& event : history.faults) writer.write(event);
    writer.flush();
    const auto read = read_history(file);
    EXPECT_THAT(flaws(read), IsEmpty());
    ASSERT_EQ(read.seen.size(), 2U);
    EXPECT_EQ(read.seen.back().span.to, Moment(50));
    EXPECT_EQ(read.seen.back().view.text, "text");
    ASSERT_EQ(read.retried.size(), 1U);
    EXPECT_EQ(read.retried.front().id, "job_a");
    EXPECT_EQ(read.listed.front().lost, 1);
    EXPECT_EQ(read.faults.front().name, "fault");
}

TEST_F(Checker, ReportsWhatAFaultDidAndHowSoonWorkResumed) {
    history.faults = {{"fault", at(25, 45)}, {"fault", at(100, 110)}};
    listed().view.interruptions = 1;
    history.planned.push_back({.job = 1, .end = "completed", .text = "text"});
    history.submitted.push_back({.job = 1, .span = at(60, 65), .http = 202, .id = "job_b"});
    history.seen.push_back({.job = 1,
                            .id = "job_b",
                            .how = "read",
                            .span = at(65, 75),
                            .http = 200,
                            .view = completed("text", "job_b")});
    history.listed.push_back({.job = 1, .id = "job_b", .view = completed("text", "job_b")});
    const auto rows = fault_table(history, {{Flaw::kLost, 0, "job_a", ""}});
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].fault, "fault");
    EXPECT_EQ(rows[0].times, 2);
    EXPECT_EQ(rows[0].jobs, 1);
    EXPECT_EQ(rows[0].lost, 1);
    EXPECT_EQ(rows[0].restarted, 1);
    EXPECT_EQ(rows[0].resumed_max, Moment(30));
    EXPECT_EQ(rows[0].caught_up_max, Moment(5));
    EXPECT_EQ(rows[1].fault, "all");
    EXPECT_EQ(rows[1].jobs, 2);
}

}  // namespace
}  // namespace millrace::chaos

// Retries by hand in histories made by hand: good ones pass, and each kind of bad one is found.
#include "tests/chaos/retries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::chaos {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A job that failed as planned, and its retry, which failed as well.
class RetriesOfARun : public testing::Test {
 protected:
    static Listed failed(std::string id) {
        return {.job = 0,
                .id = std::move(id),
                .view = {.status = "failed", .attempt = 1, .failures = 1}};
    }
    RetriesOfARun() {
        history.listed = {failed("job_a"), failed("job_b")};
        old().view.retried_by = "job_b";
        retry().view.retry_of = "job_a";
        answer(202, "job_b");
    }

    Planned& planned() { return history.planned.front(); }
    Listed& old() { return history.listed[0]; }
    Listed& retry() { return history.listed[1]; }
    void answer(int http, std::string retry) {
        history.retried.push_back(
            {.id = "job_a", .how = "retry", .http = http, .retry = std::move(retry)});
    }
    std::vector<Flaw> flaws() const {
        std::vector<Flaw> flaws;
        for (const auto& finding : check(history)) flaws.push_back(finding.flaw);
        return flaws;
    }

    History history{
        .planned = {{.job = 0, .keyed = true, .retried = true, .end = "failed", .failures = 1}},
        .submitted = {{.job = 0, .http = 202, .id = "job_a"}}};
};

TEST_F(RetriesOfARun, PassWithAnswersThatWereLostOrRepeated) {
    answer(0, "");
    answer(503, "");
    answer(200, "job_b");
    EXPECT_THAT(flaws(), IsEmpty());
}

TEST_F(RetriesOfARun, MayNotBeTwo) {
    history.listed.push_back(retry());
    history.listed.back().id = "job_c";
    EXPECT_THAT(flaws(), ElementsAre(Flaw::kDuplicate, Flaw::kLie));
}

TEST_F(RetriesOfARun, AreRequested) {
    planned().retried = false;
    EXPECT_THAT(flaws(), ElementsAre(Flaw::kDuplicate));
}

TEST_F(RetriesOfARun, AreOfJobsThatEndedBadly) {
    planned().end = "completed";
    planned().failures = 0;
    for (auto& job : history.listed) {
        job.view.status = "completed";
        job.view.failures = 0;
    }
    EXPECT_THAT(flaws(), ElementsAre(Flaw::kLie));
}

TEST_F(RetriesOfARun, AreKnownToTheJobThatTheyRetry) {
    old().view.retried_by = "";
    EXPECT_THAT(flaws(), ElementsAre(Flaw::kLie));
    old().view.retried_by = "job_c";
    EXPECT_THAT(flaws(), ElementsAre(Flaw::kLie, Flaw::kLie));
    retry().view.retry_of = "job_d";
    old().view.retried_by = "";
    history.retried.clear();
    EXPECT_THAT(flaws(), ElementsAre(Flaw::kLie));
}

TEST_F(RetriesOfARun, AreThoseThatTheAnswersNamed) {
    answer(200, "job_c");
    EXPECT_THAT(flaws(), ElementsAre(Flaw::kLie));
    history.listed.pop_back();
    old().view.retried_by = "";
    EXPECT_THAT(flaws(), ElementsAre(Flaw::kLie, Flaw::kLie));
}

TEST_F(RetriesOfARun, AreNotRefused) {
    answer(409, "");
    EXPECT_THAT(flaws(), ElementsAre(Flaw::kOddAnswer));
}

TEST_F(RetriesOfARun, AreNotCancelledWithTheJobThatTheyRetry) {
    planned().cancels = true;
    old().view = {.status = "cancelled", .retried_by = "job_b"};
    EXPECT_THAT(flaws(), IsEmpty());
    retry().view = {.status = "cancelled", .retry_of = "job_a"};
    EXPECT_THAT(flaws(), ElementsAre(Flaw::kWrongEnd));
}

}  // namespace
}  // namespace millrace::chaos

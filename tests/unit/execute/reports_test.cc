#include "worker/execute/reports.h"

#include <gtest/gtest.h>

namespace millrace::worker {
namespace {

using namespace std::string_literals;

const AttemptKey kKey{JobId(Uuid{{1}}), 1};
const WorkerId kWorker{Uuid{{9}}};

class ReportsTest : public testing::Test {
 protected:
    EndedAttempt ended(Outcome outcome) {
        EndedAttempt attempt{.worker = kWorker, .job = {}, .outcome = std::move(outcome)};
        attempt.job.key = kKey;
        reports.ended(std::move(attempt));
        return list.take().at(0);
    }

    OutputFeed outputs{{}};
    EndedAttempts list;
    Reports reports{outputs, list, 10};
};

TEST_F(ReportsTest, TextCanBeStored) {
    reports.partial(kKey, kWorker, "a\0\xE9"s);
    reports.partial(kKey, kWorker, "b");
    const auto events = outputs.take_events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(std::get<wire::Partial>(events[0].what).text, "a\uFFFD\uFFFDb");
}

TEST_F(ReportsTest, MessagesOfProgressAreBounded) {
    reports.progress(kKey, kWorker, 0.5, "\xFF" + std::string(10'000, 'x'));
    const auto events = outputs.take_events();
    ASSERT_EQ(events.size(), 1U);
    const auto& progress = std::get<wire::Progress>(events[0].what);
    EXPECT_TRUE(progress.message.starts_with("\uFFFDxx"));
    EXPECT_LT(progress.message.size(), 5000U);
    EXPECT_EQ(progress.fraction, 0.5);
}

TEST_F(ReportsTest, AnOutcomeFollowsItsOutput) {
    reports.partial(kKey, kWorker, "text");
    EXPECT_EQ(ended({.kind = OutcomeKind::kCompleted, .output_json = "1"}).sequence, 2U);
    EXPECT_EQ(ended({.kind = OutcomeKind::kCompleted, .output_json = "1"}).sequence, 1U);
}

TEST_F(ReportsTest, ErrorsCanBeStoredAndAreBounded) {
    const auto outcome = ended({.kind = OutcomeKind::kRetryable,
                                .error_code = std::string(1000, 'c'),
                                .error_message = "\0"s + std::string(10'000, 'x')})
                             .outcome;
    EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(outcome.error_code, std::string(64, 'c'));
    EXPECT_TRUE(outcome.error_message.starts_with("\uFFFDxx"));
    EXPECT_LT(outcome.error_message.size(), 5000U);
}

TEST_F(ReportsTest, AnOutputThatIsTooLargeFailsItsJob) {
    const Usage usage{.prompt_tokens = 1, .completion_tokens = 2};
    const auto fits =
        ended({.kind = OutcomeKind::kCompleted, .output_json = std::string(10, '1')}).outcome;
    EXPECT_EQ(fits.kind, OutcomeKind::kCompleted);
    const auto outcome =
        ended(
            {.kind = OutcomeKind::kCompleted, .output_json = std::string(11, '1'), .usage = usage})
            .outcome;
    EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent);
    EXPECT_EQ(outcome.error_code, "output_too_large");
    EXPECT_NE(outcome.error_message.find("11 bytes"), std::string::npos);
    EXPECT_EQ(outcome.output_json, "");
    EXPECT_EQ(outcome.usage, usage);
}

TEST_F(ReportsTest, AnAttemptThatIsDroppedEndsItsOutput) {
    reports.partial(kKey, kWorker, "text");
    reports.dropped(kKey);
    EXPECT_TRUE(list.take().empty());
    EXPECT_TRUE(outputs.take_checkpoints(MonoTime{}).empty());
}

}  // namespace
}  // namespace millrace::worker

#include "worker/execute/reports.h"

#include <gtest/gtest.h>

#include "tests/unit/worker/fakes.h"

namespace millrace::execute {
namespace {

using namespace std::string_literals;

class ReportsTest : public testing::Test {
 protected:
    EndedAttempt ended(Outcome outcome) {
        EndedAttempt attempt{
            .worker = worker, .claim = {.key = key}, .terms = {}, .outcome = std::move(outcome)};
        reports.ended(std::move(attempt));
        return list.take().at(0);
    }

    const AttemptKey key = test::attempt_key(1);
    const WorkerId worker{Uuid{{9}}};
    OutputFeed outputs{{}};
    EndedAttempts list;
    Reports reports{outputs, list, 10};
};

TEST_F(ReportsTest, TextCanBeStored) {
    reports.partial(key, worker, "a\0\xE9"s);
    reports.partial(key, worker, "b");
    const auto events = outputs.take_events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(std::get<wire::Partial>(events[0].what).text, "a\uFFFD\uFFFDb");
}

TEST_F(ReportsTest, MessagesOfProgressAreBounded) {
    reports.progress(key, worker, 0.5, "\xFF" + std::string(10'000, 'x'));
    const auto events = outputs.take_events();
    ASSERT_EQ(events.size(), 1U);
    const auto& progress = std::get<wire::Progress>(events[0].what);
    EXPECT_TRUE(progress.message.starts_with("\uFFFDxx"));
    EXPECT_LT(progress.message.size(), 5000U);
    EXPECT_EQ(progress.fraction, 0.5);
}

TEST_F(ReportsTest, AnOutcomeFollowsItsOutput) {
    reports.partial(key, worker, "text");
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
    reports.partial(key, worker, "text");
    reports.dropped(key);
    EXPECT_TRUE(list.take().empty());
    EXPECT_TRUE(outputs.take_checkpoints(MonoTime{}).empty());
}

}  // namespace
}  // namespace millrace::execute

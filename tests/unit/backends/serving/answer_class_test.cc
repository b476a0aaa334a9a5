#include "worker/backends/serving/answer_class.h"

#include <gtest/gtest.h>

#include <initializer_list>

#include "worker/backends/serving/outage.h"

namespace millrace::backends::serving {
namespace {

TEST(AnswerClass, FollowsFromTheStatus) {
    const auto expect = [](AnswerClass wanted, std::initializer_list<long> statuses) {
        for (const auto status : statuses) EXPECT_EQ(class_of(status, {}), wanted) << status;
    };
    expect(AnswerClass::kCapacity, {429, 503, 529});
    expect(AnswerClass::kOutage, {408, 502, 504, 520, 521, 522, 523, 524, 530});
    expect(AnswerClass::kTransient, {409, 425, 500, 507, 599});
    expect(AnswerClass::kPermanent, {301, 400, 401, 404, 422, 501, 505});
}

TEST(AnswerClass, AGatewayThatTookLongHasGivenUpWaiting) {
    EXPECT_EQ(class_of(504, kGatewayPatienceMin - milliseconds(1)), AnswerClass::kOutage);
    EXPECT_EQ(class_of(504, kGatewayPatienceMin), AnswerClass::kGaveUp);
    EXPECT_EQ(class_of(502, kGatewayPatienceMin), AnswerClass::kOutage);
    EXPECT_EQ(class_of(503, kGatewayPatienceMin), AnswerClass::kCapacity);
}

TEST(AnswerClass, SaysWhatBecomesOfTheJob) {
    EXPECT_EQ(kind_of(AnswerClass::kCapacity), OutcomeKind::kRateLimited);
    EXPECT_EQ(kind_of(AnswerClass::kOutage), OutcomeKind::kRateLimited);
    EXPECT_EQ(kind_of(AnswerClass::kGaveUp), OutcomeKind::kRetryable);
    EXPECT_EQ(kind_of(AnswerClass::kTransient), OutcomeKind::kRetryable);
    EXPECT_EQ(kind_of(AnswerClass::kPermanent), OutcomeKind::kPermanent);
}

TEST(RestAsAsked, ConcernsOnlyAJobThatWaits) {
    Outcome waits{.kind = OutcomeKind::kRateLimited};
    rest_as_asked(waits, milliseconds(7));
    EXPECT_EQ(waits.retry_after, milliseconds(7));
    Outcome fails{.kind = OutcomeKind::kRetryable};
    rest_as_asked(fails, milliseconds(7));
    EXPECT_FALSE(fails.retry_after);
}

}  // namespace
}  // namespace millrace::backends::serving

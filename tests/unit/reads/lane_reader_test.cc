// The waiting jobs of each lane: read seldom, whether that succeeds or not.
#include "producer/reads/lane_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/faulty_job_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_job_store.h"

namespace millrace::reads {
namespace {

class LaneReaderTest : public testing::Test {
 protected:
    LaneReaderTest() { (void)memory_.queue_register({"default"}); }

    LaneReader::Answer ask() {
        std::optional<LaneReader::Answer> answer;
        lanes_.lanes([&](LaneReader::Answer lanes) { answer = std::move(lanes); });
        lanes_.step();
        return answer.value();
    }

    test::ManualClock clock_;
    test::MemoryDatabase database_{clock_};
    test::MemoryJobStore memory_{database_};
    test::FaultyJobStore store_{memory_};
    LaneReader lanes_{{.queue_max = 1}, clock_, store_};
};

TEST_F(LaneReaderTest, ReadsTheLanesAtMostOnceASecond) {
    EXPECT_EQ(ask()->size(), 3U);
    clock_.advance(milliseconds(999));
    EXPECT_EQ(ask()->size(), 3U);
    EXPECT_EQ(store_.calls("lane_stats"), 1);
    clock_.advance(milliseconds(1));
    EXPECT_EQ(ask()->size(), 3U);
    EXPECT_EQ(store_.calls("lane_stats"), 2);
}

// The failed read may have taken as long as a statement may; every other waiting call would take
// that long again.
TEST_F(LaneReaderTest, AFailureIsKeptAsLongAsAnAnswer) {
    store_.on_call([this](const std::string&) { clock_.advance(std::chrono::seconds(15)); });
    store_.fail_before("lane_stats", ErrorCode::kUnavailable);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(ask().error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(store_.calls("lane_stats"), 1);
    clock_.advance(milliseconds(1000));
    EXPECT_EQ(ask()->size(), 3U);
}

TEST_F(LaneReaderTest, RefusesCallsIfTooManyWaitAndAllWhenItStops) {
    std::optional<ErrorCode> refused;
    const auto done = [&](const LaneReader::Answer& lanes) {
        if (!lanes) refused = lanes.error().code;
    };
    lanes_.lanes(done);
    lanes_.lanes(done);
    EXPECT_EQ(refused, ErrorCode::kResourceExhausted);
    lanes_.close();
    lanes_.run();
    lanes_.lanes(done);
    EXPECT_EQ(refused, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace millrace::reads

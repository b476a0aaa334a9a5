#include <gtest/gtest.h>

#include <limits>

#include "common/wire/messages.h"
#include "millrace/v1/event.pb.h"
#include "tests/unit/wire/samples.h"

namespace millrace::wire {
namespace {

v1::Event proto_event() {
    v1::Event event;
    event.set_job_id(std::string(16, 'i'));
    event.mutable_partial()->set_text("text");
    return event;
}

std::string batch_of(const v1::Event& event) {
    v1::EventBatch batch;
    *batch.add_events() = event;
    return serialize(batch);
}

TEST(EventEncoding, ComesBackAsItWasAndInOrder) {
    const std::vector<Event> events{
        {{sample_job(1), 1}, 0, Started{"worker-a"}},
        {{sample_job(1), 1}, 1, Partial{"The sea, süß", 70'000'000'000}},
        {{sample_job(2), 7}, 2, Progress{0.25, "step 1 of 4"}},
        {{sample_job(1), std::numeric_limits<Epoch>::max()},
         3,
         Requeued{JobState::kScheduled, "overloaded", "The server is busy."}},
        {{sample_job(2), 0},
         std::numeric_limits<std::uint32_t>::max(),
         Finished{JobState::kExpired}},
    };
    const auto decoded = decode_events(encode(events));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    ASSERT_EQ(decoded->size(), events.size());
    for (std::size_t i = 0; i < events.size(); ++i) {
        EXPECT_EQ((*decoded)[i].key, events[i].key) << i;
        EXPECT_EQ((*decoded)[i].sequence, events[i].sequence) << i;
        EXPECT_EQ((*decoded)[i].what.index(), events[i].what.index()) << i;
    }
    EXPECT_EQ(std::get<Started>((*decoded)[0].what).worker, "worker-a");
    EXPECT_EQ(std::get<Partial>((*decoded)[1].what).text, "The sea, süß");
    EXPECT_EQ(std::get<Partial>((*decoded)[1].what).offset, 70'000'000'000U);
    EXPECT_EQ(std::get<Progress>((*decoded)[2].what).fraction, 0.25);
    EXPECT_EQ(std::get<Progress>((*decoded)[2].what).message, "step 1 of 4");
    const auto& requeued = std::get<Requeued>((*decoded)[3].what);
    EXPECT_EQ(requeued.state, JobState::kScheduled);
    EXPECT_EQ(requeued.error_code, "overloaded");
    EXPECT_EQ(requeued.error_message, "The server is busy.");
    EXPECT_EQ(std::get<Finished>((*decoded)[4].what).state, JobState::kExpired);
}

TEST(EventEncoding, LeavesOutWhereATextBeginsIfTheWriterIsOld) {
    const auto decoded = decode_events(batch_of(proto_event()));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_FALSE(std::get<Partial>(decoded->at(0).what).offset);
}

TEST(EventEncoding, IsAnEmptyBatchForNoEvents) {
    const auto decoded = decode_events(encode(std::vector<Event>{}));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_TRUE(decoded->empty());
}

TEST(EventEncoding, AcceptsFieldsOfNewerWriters) {
    const auto decoded = decode_events(with_unknown_field(batch_of(proto_event())));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_EQ(decoded->size(), 1U);
}

TEST(EventEncoding, LeavesOutKindsOfEventsOfNewerWriters) {
    auto newer = proto_event();
    newer.clear_what();
    v1::EventBatch batch;
    *batch.add_events() = newer;
    *batch.add_events() = proto_event();
    const auto decoded = decode_events(serialize(batch));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    ASSERT_EQ(decoded->size(), 1U);
    EXPECT_EQ(std::get<Partial>(decoded->front().what).text, "text");
}

TEST(EventEncoding, RefusesBytesAndValuesWithoutMeaning) {
    auto event = proto_event();
    event.set_job_id("short");
    expect_corrupt(decode_events(batch_of(event)), "an id of five bytes");

    event = proto_event();
    event.set_epoch(std::numeric_limits<std::uint64_t>::max());
    expect_corrupt(decode_events(batch_of(event)), "an epoch out of range");

    event = proto_event();
    event.mutable_finished()->set_state(77);
    expect_corrupt(decode_events(batch_of(event)), "a state that does not exist");

    const auto whole = batch_of(proto_event());
    expect_corrupt(decode_events(whole.substr(0, whole.size() - 1)), "cut short");
    expect_corrupt(decode_events("\xff\xff"), "noise");
}

}  // namespace
}  // namespace millrace::wire

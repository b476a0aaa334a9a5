#include "worker/execute/output_feed.h"

#include <gtest/gtest.h>

namespace millrace::execute {
namespace {

using std::chrono::seconds;

const AttemptKey kKey{JobId(Uuid{{1}}), 1};
const WorkerId kWorker{Uuid{{9}}};

std::string text_of(const wire::Event& event) {
    return std::get<wire::Partial>(event.what).text;
}

TEST(OutputFeed, CombinesTextBetweenTwoFlushesIntoOneEvent) {
    OutputFeed feed({});
    feed.append(kKey, kWorker, "Hel");
    feed.append(kKey, kWorker, "lo");
    auto events = feed.take_events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(text_of(events[0]), "Hello");
    EXPECT_EQ(events[0].sequence, 1U);
    EXPECT_TRUE(feed.take_events().empty());
    feed.append(kKey, kWorker, " world");
    events = feed.take_events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(text_of(events[0]), " world");
    EXPECT_EQ(events[0].sequence, 2U);
}

TEST(OutputFeed, PublishesTheRestAtTheEndAndNumbersTheEndAfterIt) {
    OutputFeed feed({});
    EXPECT_EQ(feed.end(kKey), 1U);
    feed.append(kKey, kWorker, "rest");
    EXPECT_EQ(feed.end(kKey), 2U);
    EXPECT_EQ(feed.take_events().size(), 1U);
    EXPECT_TRUE(feed.take_checkpoints(MonoTime{}).empty());
}

TEST(OutputFeed, SaysWhereEachTextBegins) {
    OutputFeed feed({});
    const auto offset = [&feed] {
        return std::get<wire::Partial>(feed.take_events().at(0).what).offset;
    };
    feed.append(kKey, kWorker, "Hel");
    EXPECT_EQ(offset(), 0U);
    feed.append(kKey, kWorker, "lo");
    EXPECT_EQ(offset(), 3U);
    feed.append({kKey.job, 2}, kWorker, "again");
    EXPECT_EQ(offset(), 0U);
}

TEST(OutputFeed, GivesCheckpointsInBoundedParts) {
    OutputFeed feed({});
    for (int epoch = 1; epoch <= 5; ++epoch) {
        feed.append({kKey.job, epoch}, kWorker, std::string(epoch == 5 ? 50 : 10, 'x'));
    }
    feed.take_events();
    // A text that exceeds the limit by itself is taken alone.
    std::size_t taken = 0;
    for (auto part = feed.take_checkpoints(MonoTime{}, {.bytes_max = 20}); !part.empty();
         part = feed.take_checkpoints(MonoTime{}, {.bytes_max = 20})) {
        std::size_t bytes = 0;
        for (const auto& [_, checkpoint] : part) bytes += checkpoint.text.size();
        EXPECT_TRUE(bytes <= 20 || part.size() == 1) << bytes;
        taken += part.size();
    }
    EXPECT_EQ(taken, 5U);
    for (int epoch = 1; epoch <= 5; ++epoch) feed.append({kKey.job, epoch}, kWorker, "more");
    feed.take_events();
    const MonoTime later{seconds(1)};
    EXPECT_EQ(feed.take_checkpoints(later, {.count_max = 2}).size(), 2U);
    EXPECT_EQ(feed.take_checkpoints(later, {.count_max = 4}).size(), 3U);
}

// Each time, there may be time for only a few.
TEST(OutputFeed, CheckpointsEveryAttemptInItsTurn) {
    OutputFeed feed({.partial_interval = seconds(1)});
    std::vector<Epoch> turns;
    for (int round = 0; round < 12; ++round) {
        for (int epoch = 1; epoch <= 4; ++epoch) feed.append({kKey.job, epoch}, kWorker, "more");
        feed.take_events();
        const auto taken = feed.take_checkpoints(MonoTime{} + seconds(2 * round), {.count_max = 1});
        ASSERT_EQ(taken.size(), 1U);
        turns.push_back(taken[0].second.key.epoch);
    }
    EXPECT_EQ(turns, (std::vector<Epoch>{1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4}));
}

// Otherwise the text after a piece that was left out would appear in its place.
TEST(OutputFeed, EndsAtTheFirstPieceThatDoesNotFit) {
    OutputFeed feed({.bytes_max = 5});
    feed.append(kKey, kWorker, "abc");
    feed.append(kKey, kWorker, "defg");
    feed.append(kKey, kWorker, "h");
    const auto events = feed.take_events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(text_of(events[0]), "abc");
}

TEST(OutputFeed, ChecksPublishedTextPointsAtMostOnceAnInterval) {
    OutputFeed feed({.partial_interval = seconds(1)});
    const MonoTime start{};
    feed.append(kKey, kWorker, "a");
    EXPECT_TRUE(feed.take_checkpoints(start).empty());  // Not published yet.
    feed.take_events();
    auto checkpoints = feed.take_checkpoints(start);
    ASSERT_EQ(checkpoints.size(), 1U);
    EXPECT_EQ(checkpoints[0].second.text, "a");
    EXPECT_EQ(checkpoints[0].second.sequence, 1U);
    feed.append(kKey, kWorker, "b");
    feed.take_events();
    EXPECT_TRUE(feed.take_checkpoints(start + milliseconds(999)).empty());
    checkpoints = feed.take_checkpoints(start + seconds(1));
    ASSERT_EQ(checkpoints.size(), 1U);
    EXPECT_EQ(checkpoints[0].second.text, "ab");
    EXPECT_TRUE(feed.take_checkpoints(start + seconds(5)).empty());
}

TEST(OutputFeed, SplitsLongTextBetweenCharacters) {
    OutputFeed feed({});
    std::string text;
    while (text.size() < 150'000) text += "\xe2\x82\xac";  // Three bytes each.
    feed.append(kKey, kWorker, text);
    std::string together;
    for (const auto& event : feed.take_events()) {
        EXPECT_EQ(text_of(event).size() % 3, 0U);
        together += text_of(event);
    }
    EXPECT_EQ(together, text);
}

TEST(OutputFeed, KeepsNoMoreThanItsLimit) {
    OutputFeed feed({.bytes_max = 4});
    feed.append(kKey, kWorker, "1234");
    feed.append(kKey, kWorker, "5");
    const auto events = feed.take_events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(text_of(events[0]), "1234");
}

TEST(OutputFeed, PassesOnTheLatestProgress) {
    OutputFeed feed({});
    feed.progress(kKey, kWorker, 0.1, "a");
    feed.progress(kKey, kWorker, 0.5, "b");
    const auto events = feed.take_events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(std::get<wire::Progress>(events[0].what).fraction, 0.5);
}

}  // namespace
}  // namespace millrace::execute

#include "worker/schedule/lanes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "tests/support/seeded_random.h"
#include "worker/schedule/model_table.h"

namespace millrace::schedule {
namespace {

JobId id(std::uint8_t n) {
    Uuid uuid;
    uuid.bytes[15] = n;
    return JobId(uuid);
}

Candidate candidate(std::uint8_t n, LaneIndex lane, std::optional<BackendIndex> backend,
                    std::string model = "m") {
    Candidate candidate{.id = id(n), .lane = lane, .backend = backend};
    if (backend) candidate.spec = JobSpec{{.model = std::move(model)}, {}, {}};
    return candidate;
}

// Makes three lanes; jobs of one model share a batch.
Lanes make_lanes(std::size_t backends) {
    return Lanes(lanes_of({"q"}), backends, 10,
                 [](BackendIndex, const JobSpec& spec) { return spec.model; });
}

Room room(std::size_t batches, std::size_t batch_max = 1, std::vector<OpenBatch> open = {}) {
    return {.jobs = 100,
            .batches = batches,
            .batch_max = batch_max,
            .open = std::move(open),
            .held = {0, 0, 0}};
}

std::vector<JobId> ids(const std::vector<Candidate>& candidates) {
    std::vector<JobId> all;
    for (const auto& one : candidates) all.push_back(one.id);
    return all;
}

Shares equal_shares() {
    return Shares({{.weight = 1}, {.weight = 1}, {.weight = 1}}, 3, {});
}

TEST(Lanes, GiveEachBackendItsOwnJobsInOrder) {
    auto lanes = make_lanes(2);
    lanes.push({candidate(1, 0, 0), candidate(2, 0, 1), candidate(3, 0, 0)});
    auto shares = equal_shares();
    EXPECT_EQ(ids(lanes.pick(1, room(10), 10, shares)), (std::vector{id(2)}));
    EXPECT_EQ(ids(lanes.pick(0, room(10), 10, shares)), (std::vector{id(1), id(3)}));
    EXPECT_EQ(lanes.waiting(0), 0U);
}

TEST(Lanes, PutBackRestoresTheOrder) {
    auto lanes = make_lanes(1);
    lanes.push({candidate(1, 0, 0), candidate(2, 0, 0), candidate(3, 0, 0)});
    auto shares = equal_shares();
    lanes.put_back(lanes.pick(0, room(2), 10, shares));
    EXPECT_EQ(ids(lanes.pick(0, room(10), 10, shares)), (std::vector{id(1), id(2), id(3)}));
}

TEST(Lanes, PickWholeBatchesWithTheSameKeyAroundTheOldest) {
    auto lanes = make_lanes(1);
    lanes.push({candidate(1, 1, 0, "a"), candidate(2, 1, 0, "b"), candidate(3, 1, 0, "a"),
                candidate(4, 1, 0, "b"), candidate(5, 1, 0, "a"), candidate(6, 1, 0, "a")});
    auto shares = equal_shares();
    EXPECT_EQ(ids(lanes.pick(0, room(1, 3), 10, shares)), (std::vector{id(1), id(3), id(5)}));
    EXPECT_EQ(ids(lanes.pick(0, room(1, 3), 10, shares)), (std::vector{id(2), id(4)}));
    EXPECT_EQ(ids(lanes.pick(0, room(2, 3), 10, shares)), (std::vector{id(6)}));
}

TEST(Lanes, AFullBatchGoesFirstButNoJobIsPassedOverMoreThanThreeTimes) {
    auto lanes = make_lanes(1);
    lanes.push({candidate(1, 1, 0, "a")});
    for (std::uint8_t n = 2; n <= 11; ++n) lanes.push({candidate(n, 1, 0, "b")});
    auto shares = equal_shares();
    for (std::uint8_t n = 2; n <= 6; n += 2) {
        EXPECT_EQ(ids(lanes.pick(0, room(1, 2), 10, shares)), (std::vector{id(n), id(n + 1)}));
    }
    EXPECT_EQ(ids(lanes.pick(0, room(1, 2), 10, shares)), (std::vector{id(1)}));
    EXPECT_EQ(ids(lanes.pick(0, room(1, 2), 10, shares)), (std::vector{id(8), id(9)}));
}

TEST(Lanes, FillTheBatchesThatWaitFirst) {
    auto lanes = make_lanes(1);
    lanes.push({candidate(1, 1, 0, "a"), candidate(2, 1, 0, "b"), candidate(3, 1, 0, "b")});
    auto shares = equal_shares();
    EXPECT_EQ(ids(lanes.pick(0, room(0, 4, {{"b", 1}}), 10, shares)), (std::vector{id(2)}));
    EXPECT_EQ(ids(lanes.pick(0, room(1, 4, {{"b", 1}}), 10, shares)), (std::vector{id(3), id(1)}));
}

TEST(Lanes, AnUrgentLaneLeadsTheNextBatchAndOthersMayJoinIt) {
    auto lanes = make_lanes(1);
    lanes.push({candidate(1, 2, 0, "a"), candidate(2, 2, 0, "b"), candidate(3, 2, 0, "b"),
                candidate(4, 0, 0, "b")});
    Shares shares({{.weight = 1, .rank = 0}, {.weight = 1, .rank = 1}, {.weight = 1, .rank = 2}}, 3,
                  {.strict = true});
    EXPECT_EQ(ids(lanes.pick(0, room(1, 2), 10, shares)), (std::vector{id(4), id(2)}));
}

// --- Batches of one job -------------------------------------------------------------------------

TEST(Lanes, JobsWithTheSameKeyFollowEachOther) {
    auto lanes = make_lanes(1);
    lanes.push({candidate(1, 1, 0, "a"), candidate(2, 1, 0, "b"), candidate(3, 1, 0, "a"),
                candidate(4, 1, 0, "b"), candidate(5, 2, 0, "b")});
    auto shares = equal_shares();
    EXPECT_EQ(ids(lanes.pick(0, room(1), 10, shares)), (std::vector{id(1)}));
    // This also holds across lanes: the other lane's turn comes after the first of these.
    EXPECT_EQ(ids(lanes.pick(0, room(4), 10, shares)), (std::vector{id(3), id(5), id(2), id(4)}));
}

TEST(Lanes, NoJobIsPassedOverMoreThanThirtyTwoTimes) {
    auto lanes = make_lanes(1);
    lanes.push({candidate(1, 1, 0, "a"), candidate(2, 1, 0, "b")});
    for (std::uint8_t n = 3; n <= 60; ++n) lanes.push({candidate(n, 1, 0, "a")});
    auto shares = equal_shares();
    const auto picked = ids(lanes.pick(0, room(60), 60, shares));
    EXPECT_EQ(std::ranges::find(picked, id(2)) - picked.begin(), 33);
}

// A server keeps what it computed of the last four prompts; jobs of twenty kinds come in random
// order. In order of arrival, only a fifth of the jobs would find their prefix among these.
TEST(Lanes, MostJobsRunWhileTheServerKeepsTheirPrefix) {
    constexpr std::size_t kWindow = 64;
    constexpr std::size_t kKept = 4;
    constexpr int kJobs = 1000;
    test::SeededRandom random;
    auto lanes = make_lanes(1);
    auto shares = equal_shares();
    std::deque<std::string> kept;
    int found = 0;
    for (int left = kJobs, waiting = 0; left > 0 || waiting > 0; --waiting) {
        for (; left > 0 && waiting < static_cast<int>(kWindow); --left, ++waiting) {
            lanes.push({candidate(1, 1, 0, std::to_string(random.below(20)))});
        }
        const auto key = lanes.pick(0, room(1), 1, shares).at(0).batch_key;
        found += static_cast<int>(std::erase(kept, key));
        kept.push_back(key);
        if (kept.size() > kKept) kept.pop_front();
    }
    EXPECT_GE(found, 70 * kJobs / 100);
}

TEST(Lanes, TheJobWhoseTimeEndsSoonestGoesFirst) {
    const milliseconds now{1'000'000'000};
    test::SeededRandom random;
    const auto lasting = [&](milliseconds age, milliseconds limit) {
        auto one = candidate(0, 1, 0);
        one.id = JobId(UuidGenerator(random).next(now - age));
        one.spec->policy.start_within = limit;
        return one;
    };
    const auto ample = lasting(milliseconds(10'000), milliseconds(21'000));
    const auto later = lasting(milliseconds(40'000), milliseconds(60'000));
    const auto sooner = lasting(milliseconds(10'000), milliseconds(20'000));
    const auto scheduled = lasting(milliseconds(90'000), milliseconds(60'000));
    auto lanes = make_lanes(1);
    lanes.push({candidate(1, 1, 0), ample, scheduled, later, sooner});
    auto shares = equal_shares();
    EXPECT_EQ(ids(lanes.pick(0, room(10), 10, shares, now)),
              (std::vector{sooner.id, later.id, id(1), ample.id, scheduled.id}));
}

TEST(Lanes, KnowsWhichJobWaitsNextAndWhichWasPickedBeforeTheMoreUrgent) {
    auto lanes = make_lanes(1);
    const MonoTime begin{};
    auto first = candidate(1, 2, 0);
    first.arrived = begin + milliseconds(5);
    lanes.push({first, candidate(2, 2, 0)});
    EXPECT_EQ(lanes.next_arrived_for(0)[2], first.arrived);
    EXPECT_FALSE(lanes.next_arrived_for(0)[0]);
    auto shares = equal_shares();
    EXPECT_EQ(lanes.pick(0, room(1), 10, shares)[0].standing, Priority::kLow);
    lanes.push({candidate(3, 0, 0)});
    shares.favour(2);
    EXPECT_EQ(lanes.pick(0, room(1), 10, shares)[0].standing, Priority::kHigh);
    EXPECT_EQ(lanes.standing(0, 1), Priority::kHigh);
}

// --- All ----------------------------------------------------------------------------------------

TEST(Lanes, PickNoMoreJobsThanThereIsRoomFor) {
    auto lanes = make_lanes(1);
    lanes.push({candidate(1, 1, 0), candidate(2, 1, 0), candidate(3, 1, 0)});
    auto shares = equal_shares();
    auto tight = room(4, 4);
    tight.jobs = 2;
    EXPECT_EQ(lanes.pick(0, tight, 10, shares).size(), 2U);
    EXPECT_EQ(lanes.pick(0, room(4, 4), 0, shares).size(), 0U);
}

TEST(Lanes, KeepUnreadCandidatesApart) {
    auto lanes = make_lanes(1);
    lanes.push({candidate(1, 2, std::nullopt), candidate(2, 0, std::nullopt), candidate(3, 0, 0)});
    EXPECT_EQ(lanes.waiting(0), 2U);
    EXPECT_EQ(lanes.waiting_for(0), (std::vector<std::size_t>{1, 0, 0}));
    EXPECT_TRUE(lanes.take_urgent_unread().empty());  // The third is known.
    EXPECT_EQ(ids(lanes.take_unread(10)), (std::vector{id(2), id(1)}));
}

TEST(ModelTable, RefusesTwoBackendsForOneModel) {
    const auto table =
        ModelTable::make({{.name = "a", .models = {"m"}}, {.name = "b", .models = {"x", "m"}}});
    ASSERT_FALSE(table.has_value());
    EXPECT_EQ(table.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(table.error().message.find("\"m\""), std::string::npos);
}

TEST(ModelTable, RefusesToServeNothing) {
    EXPECT_FALSE(ModelTable::make({}).has_value());
}

TEST(ModelTable, FindsTheBackendOfAModel) {
    const auto table =
        ModelTable::make({{.name = "a", .models = {"m"}}, {.name = "b", .models = {"x"}}}).value();
    EXPECT_EQ(table.find("x"), 1U);
    EXPECT_FALSE(table.find("y"));
    EXPECT_EQ(table.models(), (std::vector<std::string>{"m", "x"}));
}

TEST(ModelTable, AModelStaysWithTheBackendThatHasIt) {
    auto table = ModelTable::make({{.name = "a"}, {.name = "b", .models = {"m"}}}).value();
    EXPECT_EQ(table.replace({{.name = "a", .models = {"m", "x"}}, {.name = "b", .models = {"m"}}}),
              std::vector<std::string>{"m"});
    EXPECT_EQ(table.find("m"), 1U);
    EXPECT_EQ(table.find("x"), 0U);
    EXPECT_TRUE(table.replace({{.name = "a", .models = {"m"}}, {.name = "b"}}).empty());
    EXPECT_EQ(table.find("m"), 0U);
}

// A single name that PostgreSQL refuses would end every steal.
TEST(ModelTable, LeavesOutModelsThatNoJobCanName) {
    using namespace std::string_literals;
    const std::vector<backends::BackendInfo> backends{
        {.name = "a", .models = {"caf\xE9", "fine", "a\0"s, "", std::string(257, 'x')}},
        {.name = "b", .models = {"a\0"s, std::string(256, 'x')}}};
    const auto check = [](const ModelTable& table) {
        EXPECT_EQ(table.models_of(0), std::vector<std::string>{"fine"});
        EXPECT_EQ(table.models_of(1), std::vector<std::string>{std::string(256, 'x')});
        EXPECT_EQ(table.models().size(), 2U);
        EXPECT_FALSE(table.find("a\0"s));
    };
    auto table = ModelTable::make(backends).value();
    check(table);
    EXPECT_EQ(table.backends()[0].models, std::vector<std::string>{"fine"});
    EXPECT_TRUE(table.replace(backends).empty());
    check(table);
}

}  // namespace
}  // namespace millrace::schedule

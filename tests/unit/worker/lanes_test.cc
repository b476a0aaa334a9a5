#include "worker/schedule/lanes.h"

#include <gtest/gtest.h>

#include "worker/schedule/model_table.h"

namespace millrace::worker {
namespace {

JobId id(std::uint8_t n) {
    Uuid uuid;
    uuid.bytes[15] = n;
    return JobId(uuid);
}

Candidate candidate(std::uint8_t n, LaneIndex lane, std::optional<BackendIndex> backend) {
    return {.id = id(n), .lane = lane, .backend = backend};
}

std::vector<JobId> ids(const std::vector<Candidate>& candidates) {
    std::vector<JobId> all;
    for (const auto& one : candidates) all.push_back(one.id);
    return all;
}

Shares equal_shares() {
    return Shares({{.weight = 1}, {.weight = 1}, {.weight = 1}}, 3, false);
}

TEST(Lanes, GiveEachBackendItsOwnJobsInOrder) {
    Lanes lanes(lanes_of({"q"}), 2, 10);
    lanes.push({candidate(1, 0, 0), candidate(2, 0, 1), candidate(3, 0, 0)});
    auto shares = equal_shares();
    EXPECT_EQ(ids(lanes.pick(1, 10, shares, {0, 0, 0})), (std::vector{id(2)}));
    EXPECT_EQ(ids(lanes.pick(0, 10, shares, {0, 0, 0})), (std::vector{id(1), id(3)}));
    EXPECT_EQ(lanes.waiting(0), 0U);
}

TEST(Lanes, PutBackRestoresTheOrder) {
    Lanes lanes(lanes_of({"q"}), 1, 10);
    lanes.push({candidate(1, 0, 0), candidate(2, 0, 0), candidate(3, 0, 0)});
    auto shares = equal_shares();
    lanes.put_back(lanes.pick(0, 2, shares, {0, 0, 0}));
    EXPECT_EQ(ids(lanes.pick(0, 10, shares, {0, 0, 0})), (std::vector{id(1), id(2), id(3)}));
}

TEST(Lanes, KeepUnreadCandidatesApart) {
    Lanes lanes(lanes_of({"q"}), 1, 10);
    lanes.push({candidate(1, 2, std::nullopt), candidate(2, 0, std::nullopt), candidate(3, 0, 0)});
    EXPECT_EQ(lanes.waiting(0), 2U);
    EXPECT_EQ(lanes.waiting_for(0), (std::vector<std::size_t>{1, 0, 0}));
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

}  // namespace
}  // namespace millrace::worker

#include "worker/backends/oip/part.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace millrace::backends::oip {
namespace {

// Returns jobs with this many rows each; a negative number is a job of another kind.
std::deque<Part> parts_of(const std::vector<int>& rows, std::size_t model_rows_max,
                          std::size_t rows_max, Part among = {}) {
    std::vector<InferJob> jobs(rows.size());
    std::vector<const InferJob*> pointers;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        jobs[i].inputs.push_back(
            {.name = rows[i] < 0 ? "other" : "x", .shape = {std::abs(rows[i]), 2}});
        pointers.push_back(&jobs[i]);
    }
    if (among.empty()) {
        for (std::size_t i = 0; i < rows.size(); ++i) among.push_back(i);
    }
    return make_parts(pointers, among, {.rows_max = model_rows_max}, rows_max);
}

TEST(Parts, FillUpToTheSmallerLimit) {
    EXPECT_EQ(parts_of({1, 1, 1, 1, 1}, 2, 100), (std::deque<Part>{{0, 1}, {2, 3}, {4}}));
    EXPECT_EQ(parts_of({1, 1, 1, 1, 1}, 100, 4), (std::deque<Part>{{0, 1, 2, 3}, {4}}));
    EXPECT_EQ(parts_of({3, 2, 1, 2}, 4, 100), (std::deque<Part>{{0, 2}, {1, 3}}));
}

TEST(Parts, SeparateJobsThatAreNotAlike) {
    EXPECT_EQ(parts_of({1, -1, 1, -1}, 8, 8), (std::deque<Part>{{0, 2}, {1, 3}}));
}

TEST(Parts, AreSingleJobsIfTheModelDoesNotBatch) {
    EXPECT_EQ(parts_of({1, 1, 1}, 0, 8), (std::deque<Part>{{0}, {1}, {2}}));
}

TEST(Parts, HoldALargeJobByItself) {
    EXPECT_EQ(parts_of({1, 6, 1}, kRowsUnlimited, 4), (std::deque<Part>{{0, 2}, {1}}));
}

TEST(Parts, LeaveOutJobsThatHaveEnded) {
    EXPECT_EQ(parts_of({1, 1, 1, 1}, 8, 8, {1, 3}), (std::deque<Part>{{1, 3}}));
}

TEST(Parts, AreHalvedInOrder) {
    std::deque<Part> parts{{9}};
    push_halves({1, 2, 3, 4, 5}, parts);
    EXPECT_EQ(parts, (std::deque<Part>{{1, 2}, {3, 4, 5}, {9}}));
}

}  // namespace
}  // namespace millrace::backends::oip

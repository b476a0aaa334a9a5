#include "producer/reads/job_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/faulty_job_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_job_store.h"
#include "tests/support/new_job.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/gateway/fakes.h"

namespace millrace::reads {
namespace {

using testing::SizeIs;

class JobReaderTest : public testing::Test {
 protected:
    JobReaderTest() { (void)memory_.queue_register({"default"}); }

    JobId insert() {
        const auto job = test::new_job(JobId(ids_.next(milliseconds(1))), test::a_spec());
        EXPECT_TRUE(memory_.job_insert({job}).has_value());
        return job.id;
    }
    void get(JobId id, storage::JobFields fields = {}) {
        reader_.get(id, fields, [this](Result<storage::JobRecord> answer) {
            answers_.push_back(std::move(answer));
        });
    }

    test::ManualClock clock_;
    test::SeededRandom random_;
    UuidGenerator ids_{random_};
    test::MemoryDatabase database_{clock_};
    test::MemoryJobStore memory_{database_};
    test::FaultyJobStore store_{memory_};
    JobReader reader_{{.batch_max = 8, .payload_batch_max = 2, .queue_max = 8}, clock_, store_};
    std::vector<Result<storage::JobRecord>> answers_;
};

TEST_F(JobReaderTest, ReadsForAllWaitersAtOnce) {
    const auto one = insert();
    const auto two = insert();
    get(one);
    get(two);
    get(one);
    EXPECT_TRUE(reader_.step());
    EXPECT_EQ(store_.calls("job_get"), 1);
    std::vector<JobId> read;
    for (const auto& answer : answers_) read.push_back(answer->id);
    EXPECT_THAT(read, testing::UnorderedElementsAre(one, two, one));
    EXPECT_FALSE(reader_.step());
}

TEST_F(JobReaderTest, FindsJobsByTheIdsOfTheirClients) {
    auto job = test::new_job(JobId(ids_.next(milliseconds(1))), test::a_spec());
    job.idempotency = storage::IdempotencyKey{.key = "order-1",
                                              .scope = storage::IdempotencyKey::Scope::kClientId};
    ASSERT_TRUE(memory_.job_insert({job}).has_value());
    std::vector<Result<JobId>> found;
    for (const auto* id : {"order-1", "order-2", "order-1"}) {
        reader_.find(id, [&](Result<JobId> answer) { found.push_back(std::move(answer)); });
    }
    EXPECT_TRUE(reader_.step());
    EXPECT_EQ(store_.calls("job_find"), 1);
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].value(), job.id);
    EXPECT_EQ(found[1].error().code, ErrorCode::kNotFound);
    EXPECT_EQ(found[2].value(), job.id);
}

TEST_F(JobReaderTest, ReadsPayloadsOnlyOnRequest) {
    const auto job = insert();
    get(job);
    reader_.step();
    EXPECT_FALSE(answers_.at(0)->input_json);
    get(job, {.input = true});
    get(job);
    reader_.step();
    EXPECT_EQ(store_.calls("job_get"), 3);
    int with_input = 0;
    for (const auto& answer : answers_) with_input += answer->input_json ? 1 : 0;
    EXPECT_EQ(with_input, 1);
}

TEST_F(JobReaderTest, ReadsOfPayloadsAreSmaller) {
    for (int i = 0; i < 5; ++i) get(insert(), {.output = true});
    reader_.step();
    EXPECT_EQ(store_.calls("job_get"), 3);
    EXPECT_THAT(answers_, SizeIs(5));
}

TEST_F(JobReaderTest, AJobThatDoesNotExistIsNotFound) {
    get(JobId(ids_.next(milliseconds(2))));
    reader_.step();
    EXPECT_EQ(answers_.at(0).error().code, ErrorCode::kNotFound);
}

TEST_F(JobReaderTest, AFailedReadFailsEveryWaiter) {
    store_.set_down(true);
    get(insert());
    get(insert());
    reader_.step();
    ASSERT_THAT(answers_, SizeIs(2));
    for (const auto& answer : answers_) EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
}

TEST_F(JobReaderTest, RefusesWhenTooManyWaitOrItStops) {
    const auto job = insert();
    for (int i = 0; i < 9; ++i) get(job);
    ASSERT_THAT(answers_, SizeIs(1));
    EXPECT_EQ(answers_[0].error().code, ErrorCode::kResourceExhausted);
    reader_.close();
    reader_.run();
    EXPECT_THAT(answers_, SizeIs(9));
    get(job);
    EXPECT_EQ(answers_.at(9).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace millrace::reads

// What every JobStore does, as tests that run against each implementation.
//
// A test uses only the interface: `store_` and other stores of `database_` stand for those of
// gateways, workers and keepers; `pass` lets time go by.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/storage/job_store.h"
#include "tests/conformance/storage/database.h"
#include "tests/support/seeded_random.h"

namespace millrace::test {

using namespace storage;
using namespace std::chrono_literals;

constexpr int kLookMax = 1000;  // More jobs than any test has.

using Change = std::function<void(NewJob&)>;

// Settlements like those that workers make.
SettledAttempt completed(AttemptKey key, std::string output = R"({"text":"done"})");
SettledAttempt failed(AttemptKey key);
SettledAttempt to_retry(AttemptKey key, milliseconds delay = 10s);
SettledAttempt interrupted(AttemptKey key);
SettledAttempt expired(AttemptKey key);

// A store of one kind, with the queues "default" and "gpu" and one worker.
class StoreFixture {
 protected:
    explicit StoreFixture(const std::string& kind);

    // Returns an id that is an hour old: pass() makes jobs older, but not their ids, and no job may
    // be older than its id.
    Uuid new_id() { return ids_.next(store_->database_time() - 1h); }
    NewJob new_job(const Change& change = {});
    JobId insert(const Change& change = {});
    std::vector<JobId> insert_many(int count, const Change& change = {});

    WorkerId add_worker(const std::string& name = "gpu-1");
    void lose(WorkerId worker, bool mass_outage = false, milliseconds together = {});

    // The claim must succeed.
    AttemptKey claim(JobId job) { return claim(worker_, job); }
    AttemptKey claim(WorkerId worker, JobId job);
    AttemptKey insert_claimed(const Change& change = {}) { return claim(insert(change)); }
    // Returns whether the worker gets the job.
    bool can_claim(WorkerId worker, JobId job);
    // Returns the job's next state; the settlement must be accepted.
    JobState settle(const SettledAttempt& attempt) { return settle(worker_, attempt); }
    JobState settle(WorkerId worker, const SettledAttempt& attempt);
    bool is_accepted(WorkerId worker, const SettledAttempt& attempt);
    SettledReply reply_to(WorkerId worker, const SettledAttempt& attempt);

    JobRecord get(JobId job);
    JobState state(JobId job) { return get(job).state; }
    void pass(milliseconds time) { database_->pass(time); }

    std::unique_ptr<Database> database_;
    std::unique_ptr<JobStore> store_;
    SeededRandom random_;
    UuidGenerator ids_{random_};
    WorkerId worker_;
};

class StoreTest : public StoreFixture, public testing::TestWithParam<std::string> {
 protected:
    StoreTest() : StoreFixture(GetParam()) {}
};

#define MILLRACE_STORE_SUITE(Suite)                                                \
    INSTANTIATE_TEST_SUITE_P(Stores, Suite, testing::Values("postgres", "memory"), \
                             [](const auto& instance) { return std::string(instance.param); })

}  // namespace millrace::test

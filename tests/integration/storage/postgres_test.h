// A migrated database, a store on it, and a second connection that plays all other clients.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <pqxx/pqxx>
#include <string>

#include "common/base/random.h"
#include "common/storage/postgres/postgres_job_store.h"
#include "tests/support/migrated_postgres.h"

namespace millrace::test {

using namespace storage;
using namespace storage::postgres;
using namespace std::chrono_literals;

// Makes jobs and workers in any store.
class JobMaker {
 public:
    explicit JobMaker(JobStore& store);

    NewJob new_job();
    JobId insert();
    WorkerId add_worker();
    AttemptKey claim(WorkerId worker, JobId job);

 private:
    JobStore& store_;
    UuidGenerator ids_{system_random()};
};

SettledAttempt completed(AttemptKey key);
SettledAttempt failed(AttemptKey key);

class PostgresTest : public testing::Test {
 protected:
    PostgresTest();

    PostgresOptions options() const;
    pqxx::connection connect() const { return pqxx::connection(postgres_.conninfo()); }
    // Runs the statement at once and commits.
    pqxx::result execute(const std::string& sql);
    std::string value(const std::string& sql) { return execute(sql)[0][0].c_str(); }
    bool holds(const std::string& condition) { return value("SELECT " + condition) == "t"; }

    // Returns when a store's connection waits for a lock.
    void wait_for_a_waiter();
    // Cuts off all stores, and returns when their connections are gone.
    void terminate_stores();

    JobState state(JobId job) { return store_->job_get({job}, {}).value().at(0).state; }

    MigratedPostgres postgres_;
    std::unique_ptr<JobStore> store_;
    std::unique_ptr<JobMaker> jobs_;
};

}  // namespace millrace::test

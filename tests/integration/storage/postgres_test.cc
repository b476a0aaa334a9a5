#include "tests/integration/storage/postgres_test.h"
#include "tests/support/new_job.h"

#include "common/wire/messages.h"
#include "tests/support/eventually.h"

namespace millrace::test {
namespace {

constexpr auto kStores = "application_name = 'store under test' AND datname = current_database()";

}  // namespace

JobMaker::JobMaker(JobStore& store) : store_(store) {
    EXPECT_TRUE(store_.queue_register({"default"}));
}

NewJob JobMaker::new_job() {
    JobSpec spec;
    spec.queue = "default";
    spec.model = "echo";
    spec.input_json = "{}";
    spec.policy.execution_timeout = 60s;
    return test::new_job(JobId(ids_.next(store_.database_time())), spec);
}

JobId JobMaker::insert() {
    return store_.job_insert({new_job()}).value().at(0).id;
}

WorkerId JobMaker::add_worker() {
    WorkerInfo worker{.id = WorkerId(ids_.next(store_.database_time())),
                      .queues = {"default"},
                      .models = {"echo"}};
    EXPECT_TRUE(store_.worker_register(worker));
    return worker.id;
}

AttemptKey JobMaker::claim(WorkerId worker, JobId job) {
    return store_.job_claim(worker, {job}).value().at(0).key;
}

SettledAttempt completed(AttemptKey key) {
    SettledAttempt attempt{.key = key};
    attempt.settlement.next = JobState::kCompleted;
    attempt.outcome = {.kind = OutcomeKind::kCompleted, .output_json = "{}"};
    return attempt;
}

SettledAttempt failed(AttemptKey key) {
    SettledAttempt attempt{.key = key};
    attempt.settlement = {
        .next = JobState::kFailed, .counts_as_failure = true, .error_code = "bad"};
    attempt.outcome.kind = OutcomeKind::kPermanent;
    return attempt;
}

PostgresTest::PostgresTest() {
    store_ = postgres_store(options())();
    jobs_ = std::make_unique<JobMaker>(*store_);
}

PostgresOptions PostgresTest::options() const {
    return {.conninfo = postgres_.conninfo() + " application_name='store under test'"};
}

pqxx::result PostgresTest::execute(const std::string& sql) {
    auto connection = connect();
    pqxx::nontransaction transaction(connection);
    return transaction.exec(sql);
}

void PostgresTest::wait_for_a_waiter() {
    EXPECT_TRUE(eventually([&] {
        return holds("EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND " +
                     std::string(kStores) + ")");
    }));
}

void PostgresTest::terminate_stores() {
    execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE " + std::string(kStores));
    EXPECT_TRUE(eventually([&] {
        return holds("NOT EXISTS (SELECT FROM pg_stat_activity WHERE " + std::string(kStores) +
                     ")");
    }));
}

}  // namespace millrace::test

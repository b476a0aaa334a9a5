#include "tests/conformance/storage/store_test.h"
#include "tests/support/new_job.h"

#include "common/wire/messages.h"

namespace millrace::test {
namespace {

SettledAttempt settled(AttemptKey key, OutcomeKind kind, JobState next) {
    SettledAttempt attempt{.key = key};
    attempt.outcome.kind = kind;
    attempt.settlement.next = next;
    return attempt;
}

SettledAttempt with_error(SettledAttempt attempt, const std::string& code) {
    attempt.outcome.error_code = attempt.settlement.error_code = code;
    attempt.outcome.error_message = attempt.settlement.error_message = "why it is " + code;
    attempt.settlement.counts_as_failure = true;
    return attempt;
}

}  // namespace

SettledAttempt completed(AttemptKey key, std::string output) {
    auto attempt = settled(key, OutcomeKind::kCompleted, JobState::kCompleted);
    attempt.outcome.output_json = std::move(output);
    attempt.outcome.usage = {.prompt_tokens = 5, .completion_tokens = 7};
    return attempt;
}

SettledAttempt failed(AttemptKey key) {
    return with_error(settled(key, OutcomeKind::kPermanent, JobState::kFailed), "bad_prompt");
}

SettledAttempt to_retry(AttemptKey key, milliseconds delay) {
    auto attempt = settled(key, OutcomeKind::kRetryable, JobState::kScheduled);
    attempt.settlement.delay = delay;
    return with_error(attempt, "model_busy");
}

SettledAttempt interrupted(AttemptKey key) {
    return settled(key, OutcomeKind::kInterrupted, JobState::kQueued);
}

SettledAttempt expired(AttemptKey key) {
    return with_error(settled(key, OutcomeKind::kTimeout, JobState::kExpired), "expired");
}

StoreFixture::StoreFixture(const std::string& kind)
    : database_(make_database(kind)), store_(database_->open()) {
    EXPECT_TRUE(store_->queue_register({"default", "gpu"}));
    worker_ = add_worker();
}

NewJob StoreFixture::new_job(const Change& change) {
    NewJob job;
    job.id = JobId(new_id());
    job.terms.queue = "default";
    job.terms.model = "echo";
    job.terms.policy.execution_timeout = 60s;
    job.terms.policy.attempts_max = 3;
    if (change) change(job);
    job.encoded_spec = wire::encode_spec(spec_of(job, R"({"prompt":"hello"})"));
    return job;
}

JobId StoreFixture::insert(const Change& change) {
    return insert_many(1, change).front();
}

std::vector<JobId> StoreFixture::insert_many(int count, const Change& change) {
    std::vector<NewJob> jobs;
    std::vector<JobId> ids;
    for (int i = 0; i < count; ++i) {
        jobs.push_back(new_job(change));
        ids.push_back(jobs.back().id);
    }
    const auto inserted = store_->job_insert(jobs);
    if (!inserted) ADD_FAILURE() << to_string(inserted.error());
    return ids;
}

WorkerId StoreFixture::add_worker(const std::string& name) {
    WorkerInfo worker;
    worker.id = WorkerId(new_id());
    worker.name = name;
    worker.host = "host";
    worker.pid = 42;
    worker.slots = 4;
    worker.queues = {"default"};
    worker.models = {"echo"};
    EXPECT_TRUE(store_->worker_register(worker));
    return worker.id;
}

void StoreFixture::lose(WorkerId worker, bool mass_outage, milliseconds together) {
    for (const auto& pulse : store_->worker_pulses().value()) {
        if (pulse.id != worker) continue;
        EXPECT_TRUE(store_->worker_mark_lost({pulse}, mass_outage, together));
    }
}

AttemptKey StoreFixture::claim(WorkerId worker, JobId job) {
    const auto claims = store_->job_claim(worker, {job});
    EXPECT_TRUE(claims && claims->size() == 1) << "not claimed";
    return claims && !claims->empty() ? claims->front().key : AttemptKey{};
}

bool StoreFixture::can_claim(WorkerId worker, JobId job) {
    return !store_->job_claim(worker, {job}).value().empty();
}

SettledReply StoreFixture::reply_to(WorkerId worker, const SettledAttempt& attempt) {
    return store_->job_settle(worker, {attempt}).value().at(0);
}

bool StoreFixture::is_accepted(WorkerId worker, const SettledAttempt& attempt) {
    return reply_to(worker, attempt).accepted;
}

JobState StoreFixture::settle(WorkerId worker, const SettledAttempt& attempt) {
    const auto reply = reply_to(worker, attempt);
    EXPECT_TRUE(reply.accepted) << "refused";
    return reply.state;
}

JobRecord StoreFixture::get(JobId job) {
    const auto jobs = store_->job_get({job}, {true, true, true, true});
    EXPECT_TRUE(jobs && jobs->size() == 1) << "no such job";
    return jobs && !jobs->empty() ? jobs->front() : JobRecord{};
}

}  // namespace millrace::test

// The statements and the table of common/job/job_state.h agree: each job goes only where the table
// allows, whatever is asked for in whatever state. A trigger records every step.
#include <gmock/gmock.h>

#include <set>

#include "tests/integration/storage/postgres_test.h"

namespace millrace::test {
namespace {

using Step = std::pair<JobState, JobState>;

class Transitions : public PostgresTest {
 protected:
    Transitions() : worker_(jobs_->add_worker()), other_(jobs_->add_worker()) {
        execute(R"(
            CREATE TABLE steps (at bigserial, id uuid, old_state int, new_state int);
            CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'DELETE' THEN
                    INSERT INTO steps (id, old_state) VALUES (OLD.id, OLD.state);
                ELSIF TG_TABLE_NAME LIKE 'jobs_final%' THEN
                    INSERT INTO steps (id, new_state) VALUES (NEW.id, NEW.state);
                ELSIF NEW.state <> OLD.state THEN
                    INSERT INTO steps (id, old_state, new_state)
                    VALUES (NEW.id, OLD.state, NEW.state);
                END IF;
                RETURN NULL;
            END $$;
            CREATE TRIGGER note AFTER UPDATE OR DELETE ON jobs_open
                FOR EACH ROW EXECUTE FUNCTION note();
            CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON jobs_final
                FOR EACH ROW EXECUTE FUNCTION note();)");
    }

    // Makes a job in each state that is not final; blocked ones cannot be made yet.
    std::vector<std::pair<JobId, Epoch>> job_of_each_state() {
        auto later = jobs_->new_job();
        later.run_at = DbTime(store_->database_time() + 1h);
        EXPECT_TRUE(store_->job_insert({later}));
        const auto queued = jobs_->insert();
        const auto running = jobs_->claim(worker_, jobs_->insert());
        const auto cancelling = jobs_->claim(worker_, jobs_->insert());
        EXPECT_TRUE(store_->job_cancel({cancelling.job}));
        const auto done = jobs_->claim(worker_, jobs_->insert());
        EXPECT_TRUE(store_->job_settle(worker_, {completed(done)}));
        return {{later.id, 0}, {queued, 0}, {running.job, 1}, {cancelling.job, 1}, {done.job, 1}};
    }
    // Lets all times pass: of waiting, of running, of the schedule.
    void let_time_pass(const std::string& columns) { execute("UPDATE jobs_open SET " + columns); }

    std::set<Step> steps() {
        std::set<Step> found;
        for (const auto& row :
             execute("SELECT max(old_state), max(new_state) FROM steps "
                     "GROUP BY id, CASE WHEN old_state IS NULL OR new_state IS NULL THEN 0 "
                     "ELSE at END")) {
            found.emplace(*job_state_from_number(row[0].as<int>()),
                          *job_state_from_number(row[1].as<int>()));
        }
        return found;
    }

    WorkerId worker_;
    WorkerId other_;
};

SettledAttempt ending(AttemptKey key, OutcomeKind kind, JobState next) {
    SettledAttempt attempt{.key = key};
    attempt.outcome.kind = kind;
    attempt.settlement.next = next;
    return attempt;
}

TEST_F(Transitions, AreThoseOfTheTable) {
    using Operation = std::function<void(JobId, AttemptKey)>;
    const auto settle = [&](OutcomeKind kind, JobState next) -> Operation {
        return [=, this](JobId, AttemptKey key) {
            (void)store_->job_settle(worker_, {ending(key, kind, next)}).value();
        };
    };
    const std::vector<Operation> operations{
        [&](JobId job, AttemptKey) { (void)store_->job_claim(other_, {job}).value(); },
        [&](JobId job, AttemptKey) { (void)store_->job_cancel({job}).value(); },
        settle(OutcomeKind::kCompleted, JobState::kCompleted),
        settle(OutcomeKind::kPermanent, JobState::kFailed),
        settle(OutcomeKind::kRetryable, JobState::kScheduled),
        settle(OutcomeKind::kInterrupted, JobState::kQueued),
        settle(OutcomeKind::kTimeout, JobState::kExpired),
        [&](JobId, AttemptKey) { (void)store_->keeper_release(100).value(); },
        [&](JobId, AttemptKey) {
            let_time_pass("run_at = now() WHERE state = 1");
            (void)store_->keeper_release(100).value();
        },
        [&](JobId, AttemptKey) {
            let_time_pass("claim_by = now() WHERE state <= 3");
            (void)store_->keeper_expire(100).value();
        },
        [&](JobId, AttemptKey) {
            let_time_pass(
                "attempt_deadline = now() - interval '1 h', attempts_max = 2 WHERE is_active");
            (void)store_->keeper_end_overdue(0ms, 100).value();
        },
        [&](JobId, AttemptKey) {
            let_time_pass(
                "attempt_deadline = now() - interval '1 h', attempts_max = 1 WHERE is_active");
            (void)store_->keeper_end_overdue(0ms, 100).value();
        },
        [&](JobId, AttemptKey) {
            let_time_pass(
                "attempt_deadline = now() - interval '1 h', expires_at = now() WHERE is_active");
            (void)store_->keeper_end_overdue(0ms, 100).value();
        },
        [&](JobId, AttemptKey) {
            execute("UPDATE workers SET state = 4");
            (void)store_->keeper_rescue({}).value();
        },
        [&](JobId, AttemptKey) {
            execute("UPDATE workers SET state = 4");
            let_time_pass("is_confined = true WHERE is_active");
            (void)store_->keeper_rescue({.losses_max = 1}).value();
        },
        [&](JobId, AttemptKey) {
            execute("UPDATE workers SET state = 4");
            let_time_pass("expires_at = now() WHERE is_active");
            (void)store_->keeper_rescue({}).value();
        },
    };
    for (const auto& operation : operations) {
        execute("UPDATE workers SET state = 1");
        for (const auto& [job, epoch] : job_of_each_state()) operation(job, {job, epoch});
    }
    const auto seen = steps();
    for (const auto& [from, to] : seen) {
        EXPECT_TRUE(may_change(from, to)) << name(from) << " to " << name(to);
    }
    // Each transition of the table occurs, except those of blocked jobs.
    for (const auto& row : job_transitions()) {
        if (row.from == JobState::kBlocked) continue;
        EXPECT_TRUE(seen.contains({row.from, row.to})) << name(row.from) << " to " << name(row.to);
    }
}

TEST_F(Transitions, TablesHoldTheStatesOfTheirKind) {
    const auto fits = [&](const std::string& insert) {
        auto connection = connect();
        pqxx::work work(connection);
        try {
            work.exec(insert);
            return true;
        } catch (const pqxx::check_violation&) {
            return false;
        }
    };
    for (int number = 0; number <= 12; ++number) {
        const auto state = job_state_from_number(number);
        const bool is_final = state && info(*state).is_final;
        const bool is_active = state && info(*state).is_active;
        const auto text = std::to_string(number);
        const std::string held = is_active ? "gen_random_uuid(), now()" : "NULL, NULL";
        EXPECT_EQ(fits("INSERT INTO jobs_open (id, state, worker_id, attempt_deadline, timeout_ms, "
                       "attempts_max, queue_id, priority, model, run_at, queued_at) VALUES "
                       "(gen_random_uuid(), " +
                       text + ", " + held + ", 1, 1, 1, 1, 'm', now(), now())"),
                  state && !is_final)
            << number;
        const std::string output = state == JobState::kCompleted ? "'{}'" : "NULL";
        EXPECT_EQ(fits("INSERT INTO jobs_final (id, epoch, created_at, finished_at, attempt, "
                       "failures, interruptions, attempts_max, queue_id, priority, state, model, "
                       "output) VALUES (gen_random_uuid(), 1, now(), now(), 1, 0, 0, 1, 1, 1, " +
                       text + ", 'm', " + output + ")"),
                  is_final)
            << number;
    }
}

}  // namespace
}  // namespace millrace::test

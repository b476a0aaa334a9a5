// Two writers that both want to change the same thing: whatever they do at once, it ends as if one
// of them had come first. Each race names the result of either order; it is run in both orders,
// then many times at once.
#include <fmt/format.h>

#include <latch>
#include <thread>

#include "tests/conformance/storage/store_test.h"

namespace millrace::test {
namespace {

using testing::AnyOf;
using testing::ElementsAre;

// What the two writers compete for.
struct Prize {
    WorkerId worker;
    WorkerId other;
    WorkerPulse pulse;  // The worker's pulse, as a keeper saw it.
    JobId job;
    AttemptKey attempt;              // The worker's, if it has claimed the job.
    std::vector<NewJob> candidates;  // All with one idempotency key; the first is the job.
};

// Makes a change and returns the store's reply to the writer. A keeper may pass over a row that
// another writer holds, so its reply is not recorded: it comes again when both are done.
using Move = std::function<std::string(JobStore&, const Prize&)>;

struct Race {
    std::string name;
    std::string stage;  // The job's state before the race: StoreRaces::set().
    Move one;
    Move two;
    std::string one_first;  // One's reply; two's reply; the result.
    std::string two_first;
    Move afterwards = {};
};

void PrintTo(const Race& race, std::ostream* out) {
    *out << race.name;
}

std::string told(const Status& status) {
    return status ? "ok" : to_string(status.error());
}

std::string claim_by_worker(JobStore& store, const Prize& prize) {
    return store.job_claim(prize.worker, {prize.job}).value().empty() ? "nothing" : "claimed";
}

std::string claim_by_other(JobStore& store, const Prize& prize) {
    return store.job_claim(prize.other, {prize.job}).value().empty() ? "nothing" : "claimed";
}

std::string steal_as(WorkerId worker, JobStore& store) {
    const auto stolen = store.job_steal(worker, {.queue = "default", .model = "echo"});
    return stolen.value().jobs.empty() ? "nothing" : "stolen";
}

std::string steal_by_worker(JobStore& store, const Prize& prize) {
    return steal_as(prize.worker, store);
}

std::string steal_by_other(JobStore& store, const Prize& prize) {
    return steal_as(prize.other, store);
}

std::string cancel(JobStore& store, const Prize& prize) {
    return std::string(name(store.job_cancel({prize.job}).value().at(0).state));
}

Move settle_with(std::function<SettledAttempt(AttemptKey)> ending) {
    return [ending](JobStore& store, const Prize& prize) -> std::string {
        const auto reply = store.job_settle(prize.worker, {ending(prize.attempt)}).value().at(0);
        return reply.accepted ? std::string(name(reply.state)) : "refused";
    };
}

const Move kComplete = settle_with([](AttemptKey key) { return completed(key); });
const Move kFail = settle_with(failed);
const Move kRetry = settle_with([](AttemptKey key) { return to_retry(key); });
const Move kInterrupt = settle_with(interrupted);

std::string save_partial(JobStore& store, const Prize& prize) {
    return told(store.partial_save(prize.worker, {{prize.attempt, 1, "so far"}}));
}

std::string release(JobStore& store, const Prize&) {
    EXPECT_TRUE(store.keeper_release(10));
    return "-";
}

std::string expire(JobStore& store, const Prize&) {
    EXPECT_TRUE(store.keeper_expire(10));
    return "-";
}

std::string end_overdue(JobStore& store, const Prize&) {
    EXPECT_TRUE(store.keeper_end_overdue(10s, 10));
    return "-";
}

std::string rescue(JobStore& store, const Prize&) {
    EXPECT_TRUE(store.keeper_rescue({}));
    return "-";
}

std::string beat(JobStore& store, const Prize& prize) {
    return store.worker_heartbeat(prize.worker).value().alive ? "alive" : "gone";
}

std::string mark_lost(JobStore& store, const Prize& prize) {
    return told(store.worker_mark_lost({prize.pulse}, false, {}));
}

std::string register_again(JobStore& store, const Prize& prize) {
    return told(store.worker_register(
        {.id = prize.worker, .name = "gpu-1", .queues = {"default"}, .models = {"echo"}}));
}

std::string drain(JobStore& store, const Prize& prize) {
    return told(store.worker_drain(prize.worker));
}

std::string stop(JobStore& store, const Prize& prize) {
    return told(store.worker_stop(prize.worker));
}

Move submit(std::size_t candidate) {
    return [candidate](JobStore& store, const Prize& prize) -> std::string {
        const auto reply = store.job_insert({prize.candidates.at(candidate)}).value().at(0);
        return reply.replayed ? "replayed" : "made";
    };
}

std::vector<Race> races_of_waiting_jobs() {
    return {
        {"ClaimAndClaim", "queued", claim_by_worker, claim_by_other,
         "claimed; nothing; in_progress 1 by worker", "nothing; claimed; in_progress 1 by other"},
        {"ClaimAndSteal", "queued", claim_by_worker, steal_by_other,
         "claimed; nothing; in_progress 1 by worker", "nothing; stolen; in_progress 1 by other"},
        {"StealAndSteal", "queued", steal_by_worker, steal_by_other,
         "stolen; nothing; in_progress 1 by worker", "nothing; stolen; in_progress 1 by other"},
        {"ClaimAndCancel", "queued", claim_by_worker, cancel,
         "claimed; cancelling; cancelling 1 by worker", "nothing; cancelled; cancelled 0"},
        {"StealAndCancel", "queued", steal_by_worker, cancel,
         "stolen; cancelling; cancelling 1 by worker", "nothing; cancelled; cancelled 0"},
        {"ClaimAndExpire", "out of time", claim_by_worker, expire, "nothing; -; expired 0",
         "nothing; -; expired 0"},
        {"StealAndExpire", "out of time", steal_by_worker, expire, "nothing; -; expired 0",
         "nothing; -; expired 0"},
        {"CancelAndExpire", "out of time", cancel, expire, "cancelled; -; cancelled 0",
         "expired; -; expired 0", expire},
        {"ReleaseAndCancel", "due", release, cancel, "-; cancelled; cancelled 0",
         "-; cancelled; cancelled 0"},
        {"ReleaseAndClaim", "due", release, claim_by_worker, "-; claimed; in_progress 1 by worker",
         "-; nothing; queued 0", release},
        {"ReleaseAndRelease", "due", release, release, "-; -; queued 0", "-; -; queued 0"},
    };
}

std::vector<Race> races_of_running_jobs() {
    return {
        {"CompleteAndCancel", "running", kComplete, cancel,
         "completed; completed; completed 1 by worker",
         "completed; cancelling; completed 1 by worker"},
        {"FailAndCancel", "running", kFail, cancel,
         "failed; failed; failed 1 by worker, failures 1",
         "cancelled; cancelling; cancelled 1 by worker, failures 1"},
        {"RetryAndCancel", "running", kRetry, cancel,
         "scheduled; cancelled; cancelled 1, failures 1",
         "cancelled; cancelling; cancelled 1 by worker, failures 1"},
        {"InterruptAndCancel", "running", kInterrupt, cancel,
         "queued; cancelled; cancelled 1, interruptions 1",
         "cancelled; cancelling; cancelled 1 by worker"},
        {"CompleteAndSavePartial", "running", kComplete, save_partial,
         "completed; ok; completed 1 by worker", "completed; ok; completed 1 by worker"},
        {"CompleteAndComplete", "running", kComplete, kComplete,
         "completed; completed; completed 1 by worker",
         "completed; completed; completed 1 by worker"},
        {"CompleteAndFail", "running", kComplete, kFail,
         "completed; refused; completed 1 by worker",
         "refused; failed; failed 1 by worker, failures 1"},
    };
}

std::vector<Race> races_of_keepers() {
    return {
        {"CompleteAndRescue", "orphaned", kComplete, rescue,
         "completed; -; completed 1 by worker, worker lost",
         "refused; -; queued 1, interruptions 1, worker lost", rescue},
        {"RetryAndRescue", "orphaned", kRetry, rescue,
         "scheduled; -; scheduled 1, failures 1, worker lost",
         "refused; -; queued 1, interruptions 1, worker lost", rescue},
        {"RescueAndRescue", "orphaned", rescue, rescue,
         "-; -; queued 1, interruptions 1, worker lost",
         "-; -; queued 1, interruptions 1, worker lost", rescue},
        {"RescueAndCancel", "orphaned", rescue, cancel,
         "-; cancelled; cancelled 1, interruptions 1, worker lost",
         "-; cancelling; cancelled 1 by worker, interruptions 1, worker lost", rescue},
        {"RescueAndSavePartial", "orphaned", rescue, save_partial,
         "-; ok; queued 1, interruptions 1, worker lost",
         "-; ok; queued 1, interruptions 1, worker lost", rescue},
        {"RescueAndLateHeartbeat", "orphaned", rescue, beat,
         "-; gone; queued 1, interruptions 1, worker lost",
         "-; gone; queued 1, interruptions 1, worker lost", rescue},
        {"RescueAndEndOverdue", "orphaned and overdue", rescue, end_overdue,
         "-; -; queued 1, interruptions 1, worker lost", "-; -; queued 1, failures 1, worker lost",
         rescue},
        {"CompleteAndEndOverdue", "overdue", kComplete, end_overdue,
         "completed; -; completed 1 by worker", "refused; -; queued 1, failures 1", end_overdue},
        {"RetryAndEndOverdue", "overdue", kRetry, end_overdue,
         "scheduled; -; scheduled 1, failures 1", "refused; -; queued 1, failures 1", end_overdue},
        {"EndOverdueAndCancel", "overdue", end_overdue, cancel,
         "-; cancelled; cancelled 1, failures 1",
         "-; cancelling; cancelled 1 by worker, failures 1", end_overdue},
    };
}

std::vector<Race> races_of_workers() {
    return {
        {"BeatAndMarkLost", "queued", beat, mark_lost, "alive; ok; queued 0",
         "gone; ok; queued 0, worker lost"},
        {"ClaimAndMarkLost", "queued", claim_by_worker, mark_lost,
         "claimed; ok; queued 1, interruptions 1, worker lost",
         "nothing; ok; queued 0, worker lost", rescue},
        {"StealAndMarkLost", "queued", steal_by_worker, mark_lost,
         "stolen; ok; queued 1, interruptions 1, worker lost", "nothing; ok; queued 0, worker lost",
         rescue},
        {"RegisterAndMarkLost", "queued", register_again, mark_lost,
         "ok; ok; queued 0, worker lost", "ok; ok; queued 0, worker lost"},
        {"DrainAndMarkLost", "queued", drain, mark_lost, "ok; ok; queued 0, worker lost",
         "ok; ok; queued 0, worker lost"},
        {"StopAndMarkLost", "queued", stop, mark_lost, "ok; ok; queued 0, worker stopped",
         "ok; ok; queued 0, worker lost"},
        {"DrainAndClaim", "queued", drain, claim_by_worker,
         "ok; nothing; queued 0, worker draining",
         "ok; claimed; in_progress 1 by worker, worker draining"},
    };
}

std::vector<Race> races_of_clients() {
    return {
        {"SubmitAndSubmitWithTheSameKey", "to be made", submit(0), submit(1),
         "made; replayed; queued 0", "replayed; made; no job"},
    };
}

class StoreRaces : public StoreFixture,
                   public testing::TestWithParam<std::tuple<std::string, Race>> {
 protected:
    StoreRaces() : StoreFixture(std::get<0>(GetParam())) {}

    static const Race& race() { return std::get<1>(GetParam()); }

    // Puts a new prize on the race's stage.
    Prize set() {
        const auto& stage = race().stage;
        Prize prize{.worker = add_worker(), .other = add_worker()};
        const auto claimed = [&] { prize.attempt = claim(prize.worker, prize.job); };
        if (stage == "to be made") {
            const auto key = "key-" + prize.worker.str();
            const auto keyed = [&](NewJob& job) { job.idempotency = IdempotencyKey{.key = key}; };
            prize.candidates = {new_job(keyed), new_job(keyed)};
            prize.job = prize.candidates.front().id;
        } else if (stage == "out of time") {
            prize.job = insert([](NewJob& job) { job.terms.policy.ttl = 60s; });
            pass(61s);
        } else if (stage == "due") {
            const auto soon = DbTime(store_->database_time() + 60s);
            prize.job = insert([&](NewJob& job) { job.run_at = soon; });
            pass(61s);
        } else {
            prize.job = insert();
        }
        if (stage != "to be made" && stage != "out of time" && stage != "due" &&
            stage != "queued") {
            claimed();
        }
        if (stage.starts_with("orphaned")) lose(prize.worker);
        if (stage.ends_with("overdue")) pass(2h);
        for (const auto& pulse : store_->worker_pulses().value()) {
            if (pulse.id == prize.worker) prize.pulse = pulse;
        }
        return prize;
    }

    std::string outcome(const Prize& prize, const std::string& one, const std::string& two) {
        if (race().afterwards) (void)race().afterwards(*store_, prize);
        return one + "; " + two + "; " + end_of(prize);
    }

    std::string end_of(const Prize& prize) {
        const auto jobs = store_->job_get({prize.job}, {false, false, true, false}).value();
        if (jobs.empty()) return "no job";
        const auto& job = jobs.front();
        auto text = fmt::format("{} {}", name(job.state), job.epoch);
        if (job.worker) text += *job.worker == prize.worker ? " by worker" : " by other";
        if (job.failures > 0) text += fmt::format(", failures {}", job.failures);
        if (job.interruptions > 0) text += fmt::format(", interruptions {}", job.interruptions);
        if (job.partial_text) text += ", partial";
        for (const auto& worker : store_->worker_list().value()) {
            if (worker.info.id != prize.worker) continue;
            if (worker.state == WorkerState::kDraining) text += ", worker draining";
            if (worker.state == WorkerState::kStopped) text += ", worker stopped";
            if (worker.state == WorkerState::kLost) text += ", worker lost";
        }
        return text;
    }
};

TEST_P(StoreRaces, EndAsTheOrderSays) {
    auto prize = set();
    auto one = race().one(*store_, prize);
    auto two = race().two(*store_, prize);
    EXPECT_EQ(outcome(prize, one, two), race().one_first);
    // Cancelled, so that no thief of the next race takes it.
    ASSERT_TRUE(store_->job_cancel({prize.job}));

    prize = set();
    two = race().two(*store_, prize);
    one = race().one(*store_, prize);
    EXPECT_EQ(outcome(prize, one, two), race().two_first);
}

TEST_P(StoreRaces, EndAsIfOneHadComeFirst) {
    constexpr int kRounds = 12;
    const auto one_store = database_->open();
    const auto two_store = database_->open();
    for (int round = 0; round < kRounds; ++round) {
        const auto prize = set();
        // Both connect first, so that they start at the same time.
        ASSERT_TRUE(one_store->worker_pulses() && two_store->worker_pulses());
        std::latch start(2);
        std::string one;
        std::jthread rival([&] {
            start.arrive_and_wait();
            one = race().one(*one_store, prize);
        });
        start.arrive_and_wait();
        const auto two = race().two(*two_store, prize);
        rival.join();
        ASSERT_THAT(outcome(prize, one, two), AnyOf(race().one_first, race().two_first));
        ASSERT_TRUE(store_->job_cancel({prize.job}));
    }
}

auto on_both_stores(const std::vector<Race>& races) {
    return testing::Combine(testing::Values("postgres", "memory"), testing::ValuesIn(races));
}

std::string name_of(const testing::TestParamInfo<std::tuple<std::string, Race>>& instance) {
    return std::get<1>(instance.param).name + "_" + std::get<0>(instance.param);
}

INSTANTIATE_TEST_SUITE_P(WaitingJobs, StoreRaces, on_both_stores(races_of_waiting_jobs()), name_of);
INSTANTIATE_TEST_SUITE_P(RunningJobs, StoreRaces, on_both_stores(races_of_running_jobs()), name_of);
INSTANTIATE_TEST_SUITE_P(Keepers, StoreRaces, on_both_stores(races_of_keepers()), name_of);
INSTANTIATE_TEST_SUITE_P(Workers, StoreRaces, on_both_stores(races_of_workers()), name_of);
INSTANTIATE_TEST_SUITE_P(Clients, StoreRaces, on_both_stores(races_of_clients()), name_of);

}  // namespace
}  // namespace millrace::test

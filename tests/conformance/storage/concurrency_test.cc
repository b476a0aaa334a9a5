// Many writers at once, each with a store of its own. Whatever happens in between, only one of them
// claims a job, and the job ends once.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "tests/conformance/storage/store_test.h"

namespace millrace::test {
namespace {

using testing::SizeIs;

class Concurrency : public StoreTest {
 protected:
    // Runs `body` to its end on this many threads, each with a store of its own.
    void race(int threads, const std::function<void(JobStore&, int)>& body) {
        std::vector<std::jthread> running;
        for (int i = 0; i < threads; ++i) {
            running.emplace_back([&, i, store = database_->open()] { body(*store, i); });
        }
    }
    std::vector<JobId> shuffled(std::vector<JobId> ids, int seed) {
        SeededRandom random(static_cast<std::uint64_t>(seed));
        for (std::size_t i = ids.size(); i > 1; --i) std::swap(ids[i - 1], ids[random.below(i)]);
        return ids;
    }
};

TEST_P(Concurrency, GivesEachJobToOneOfManyClaimers) {
    const auto jobs = insert_many(200);
    std::vector<WorkerId> workers;
    for (int i = 0; i < 4; ++i) workers.push_back(add_worker());
    std::mutex mutex;
    std::map<JobId, int> claimed;
    race(4, [&](JobStore& store, int thread) {
        const auto worker = workers[static_cast<std::size_t>(thread)];
        const auto order = shuffled(jobs, thread);
        for (std::size_t i = 0; i < order.size(); i += 20) {
            const std::vector<JobId> some(order.begin() + static_cast<std::ptrdiff_t>(i),
                                          order.begin() + static_cast<std::ptrdiff_t>(i + 20));
            for (const auto& claim : store.job_claim(worker, some).value()) {
                const std::lock_guard lock(mutex);
                ++claimed[claim.key.job];
            }
        }
    });
    EXPECT_THAT(claimed, SizeIs(200));
    for (const auto& [job, times] : claimed) EXPECT_EQ(times, 1);
}

TEST_P(Concurrency, GivesEachJobToOneOfManyThieves) {
    insert_many(200);
    std::vector<WorkerId> workers;
    for (int i = 0; i < 4; ++i) workers.push_back(add_worker());
    std::mutex mutex;
    std::map<JobId, int> stolen;
    race(4, [&](JobStore& store, int thread) {
        // Rows that were passed over belong to others, so a thief may get nothing.
        for (int i = 0; i < 40; ++i) {
            const auto taken = store.job_steal(workers[static_cast<std::size_t>(thread)],
                                               {.queue = "default", .model = "echo", .limit = 7});
            for (const auto& job : taken.value().jobs) {
                const std::lock_guard lock(mutex);
                ++stolen[job.key.job];
            }
        }
    });
    EXPECT_THAT(stolen, SizeIs(200));
    for (const auto& [job, times] : stolen) EXPECT_EQ(times, 1);
}

TEST_P(Concurrency, MakesOneJobOfAKeyThatManySubmit) {
    std::vector<std::vector<NewJob>> batches(4);
    for (auto& batch : batches) {
        for (int i = 0; i < 20; ++i) {
            batch.push_back(new_job([&](NewJob& j) {
                j.idempotency = IdempotencyKey{.key = "key-" + std::to_string(i)};
            }));
        }
        std::ranges::reverse(batches[0]);
    }
    std::mutex mutex;
    std::map<std::string, std::vector<JobId>> winners;
    race(4, [&](JobStore& store, int thread) {
        const auto& batch = batches[static_cast<std::size_t>(thread)];
        const auto replies = store.job_insert(batch).value();
        const std::lock_guard lock(mutex);
        for (std::size_t i = 0; i < batch.size(); ++i) {
            winners[batch[i].idempotency->key].push_back(replies[i].id);
        }
    });
    for (const auto& [key, jobs] : winners) EXPECT_THAT(jobs, testing::Each(jobs.front()));
    JobFilter all{.limit = 100};
    EXPECT_THAT(store_->job_list(all, kLookMax).value().jobs, SizeIs(20));
}

TEST_P(Concurrency, MakesOneRetryOfAJobThatManyRetry) {
    const auto key = insert_claimed();
    settle(failed(key));
    std::mutex mutex;
    std::vector<JobId> retries;
    std::vector<NewJob> jobs;
    for (int i = 0; i < 4 * 5; ++i) {
        jobs.push_back(new_job([&](NewJob& job) {
            job.idempotency = IdempotencyKey{.scope = IdempotencyKey::Scope::kRetry};
            job.retry_of = key.job;
        }));
    }
    race(4, [&](JobStore& store, int thread) {
        for (int i = 0; i < 5; ++i) {
            const auto& job =
                jobs[static_cast<std::size_t>(thread) * 5 + static_cast<std::size_t>(i)];
            const auto reply = store.job_insert({job}).value().at(0);
            const std::lock_guard lock(mutex);
            retries.push_back(reply.id);
        }
    });
    EXPECT_THAT(retries, testing::Each(retries.front()));
    EXPECT_EQ(get(key.job).retried_by, retries.front());
    EXPECT_THAT(store_->job_list({}, kLookMax).value().jobs, SizeIs(2));
}

TEST_P(Concurrency, MakesOneJobOfAClientsIdThatManyPut) {
    std::mutex mutex;
    std::vector<InsertedJob> replies;
    std::vector<NewJob> jobs;
    for (int i = 0; i < 4; ++i) {
        jobs.push_back(new_job([&](NewJob& job) {
            job.idempotency =
                IdempotencyKey{.key = "order-1", .scope = IdempotencyKey::Scope::kClientId};
        }));
    }
    race(4, [&](JobStore& store, int thread) {
        const auto reply = store.job_insert({jobs[static_cast<std::size_t>(thread)]}).value().at(0);
        const std::lock_guard lock(mutex);
        replies.push_back(reply);
    });
    for (const auto& reply : replies) EXPECT_EQ(reply.id, replies.front().id);
    EXPECT_EQ(std::ranges::count(replies, false, &InsertedJob::replayed), 1);
    EXPECT_EQ(store_->job_find({"order-1"}).value().at(0).second, replies.front().id);
}

// Workers that claim, complete, fail and hand back; a worker that is lost again and again; a client
// that cancels; a keeper.
TEST_P(Concurrency, EndsEachJobOnceWhateverInterferes) {
    const auto jobs = insert_many(120);
    std::mutex mutex;
    std::map<JobId, std::vector<JobState>> ends;
    const auto note = [&](const std::vector<SettledReply>& replies) {
        const std::lock_guard lock(mutex);
        for (const auto& reply : replies) {
            if (reply.accepted && info(reply.state).is_final)
                ends[reply.key.job].push_back(reply.state);
        }
    };
    std::vector<WorkerId> workers;
    for (int i = 0; i < 30; ++i) workers.push_back(add_worker());
    std::atomic<std::size_t> next_worker{0};
    race(4, [&](JobStore& store, int thread) {
        SeededRandom random(static_cast<std::uint64_t>(thread));
        auto worker = workers[next_worker++];
        for (int round = 0; round < 25; ++round) {
            std::vector<JobId> some;
            for (int i = 0; i < 10; ++i) some.push_back(jobs[random.below(jobs.size())]);
            std::vector<SettledAttempt> attempts;
            for (const auto& claim : store.job_claim(worker, some).value()) {
                const auto dice = random.below(10);
                if (dice == 0) continue;  // Left for a rescue.
                attempts.push_back(dice < 7   ? completed(claim.key)
                                   : dice < 8 ? failed(claim.key)
                                              : interrupted(claim.key));
            }
            if (random.below(4) == 0) (void)store.job_cancel({some[0], some[1]}).value();
            if (random.below(4) == 0) {
                for (const auto& pulse : store.worker_pulses().value()) {
                    if (pulse.id == worker) (void)store.worker_mark_lost({pulse}, false, {});
                }
                (void)store.keeper_rescue({.losses_max = 100}).value();
                note(store.job_settle(worker, attempts).value());
                worker = workers.at(next_worker++ % workers.size());
            } else {
                note(store.job_settle(worker, attempts).value());
            }
        }
    });
    for (const auto& [job, states] : ends) {
        EXPECT_THAT(states, SizeIs(1)) << job.str();
        EXPECT_EQ(state(job), states.front());
    }
    for (const auto& job : jobs) {
        const auto record = get(job);
        EXPECT_EQ(record.output_json.has_value(), record.state == JobState::kCompleted);
        EXPECT_EQ(record.finished_at.has_value(), info(record.state).is_final);
        EXPECT_EQ(record.worker.has_value() && !info(record.state).is_final,
                  info(record.state).is_active);
    }
}

MILLRACE_STORE_SUITE(Concurrency);

}  // namespace
}  // namespace millrace::test

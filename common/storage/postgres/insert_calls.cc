// Submitting jobs: one statement per batch, idempotency keys included.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "common/storage/postgres/rows.h"
#include "common/storage/postgres/store.h"

namespace millrace::storage::postgres {
namespace {

using Element = ArrayParameter::Element;

std::string_view fingerprint_of(const IdempotencyKey& key) {
    return {reinterpret_cast<const char*>(key.fingerprint.data()), key.fingerprint.size()};
}

// The text under which a key is stored. Its first word is the scope; only an Idempotency-Key has
// none, and it contains no blank.
std::string stored_key(const NewJob& job) {
    const auto& key = *job.idempotency;
    switch (key.scope) {
        case IdempotencyKey::Scope::kHeader:
            return key.key;
        case IdempotencyKey::Scope::kBody:
            return "body " + key.key;
        case IdempotencyKey::Scope::kClientId:
            return "id " + key.key;
        case IdempotencyKey::Scope::kRetry:
            return "retry " + job.retry_of.value_or(JobId()).uuid().str();
    }
    return key.key;
}

std::optional<std::string_view> client_id_of(const NewJob& job) {
    const auto& key = job.idempotency;
    if (!key || key->scope != IdempotencyKey::Scope::kClientId) return std::nullopt;
    return key->key;
}

std::optional<Uuid> uuid_of(const std::optional<JobId>& job) {
    if (!job) return std::nullopt;
    return job->uuid();
}

// The parameters of job_insert.sql, in its order.
struct InsertColumns {
    ArrayParameter ids{Element::kUuid};
    ArrayParameter queues{Element::kInt2};
    ArrayParameter priorities{Element::kInt2};
    ArrayParameter models{Element::kText};
    ArrayParameter timeouts{Element::kInt8};
    ArrayParameter start_within{Element::kInt8};
    ArrayParameter ttls{Element::kInt8};
    ArrayParameter attempts_max{Element::kInt4};
    ArrayParameter run_at{Element::kTimestamptz};
    ArrayParameter specs{Element::kBytea};
    ArrayParameter metadata{Element::kText};
    ArrayParameter retry_of{Element::kUuid};
    ArrayParameter client_ids{Element::kText};
    ArrayParameter has_key{Element::kBool};
    ArrayParameter keys{Element::kText};
    ArrayParameter fingerprints{Element::kBytea};
    ArrayParameter lifetimes{Element::kInt8};
    ArrayParameter key_jobs{Element::kUuid};
    ArrayParameter takers{Element::kUuid};

    void add(const NewJob& job, std::int16_t queue) {
        const auto& terms = job.terms;
        ids.add(job.id.uuid());
        queues.add(queue);
        priorities.add(static_cast<std::int16_t>(terms.priority));
        models.add(std::string_view(terms.model));
        timeouts.add(terms.policy.execution_timeout);
        start_within.add(terms.policy.start_within);
        ttls.add(terms.policy.ttl);
        attempts_max.add(std::int32_t{terms.policy.attempts_max});
        run_at.add(job.run_at);
        specs.add(std::string_view(job.encoded_spec));
        metadata.add_unless_empty(job.metadata_json);
        retry_of.add(uuid_of(job.retry_of));
        client_ids.add(client_id_of(job));
    }

    // Adds keys in ascending order, so that two batches that share keys wait for each other in one
    // order. Adds only the first of equal keys, because a statement changes a row only once.
    void add_keys(const std::vector<NewJob>& jobs) {
        std::map<std::string, std::vector<const NewJob*>> keyed;
        for (const auto& job : jobs) {
            if (job.idempotency) keyed[stored_key(job)].push_back(&job);
        }
        std::set<JobId> free;  // These jobs are made whatever becomes of the key.
        for (const auto& [key, sharers] : keyed) {
            const auto* first = sharers.front();
            keys.add(std::string_view(key));
            fingerprints.add(fingerprint_of(*first->idempotency));
            lifetimes.add(first->idempotency->lifetime);
            key_jobs.add(first->id.uuid());
            if (first->idempotency->takes_over) takers.add(first->id.uuid());
            for (const auto* job : std::span(sharers).subspan(1)) {
                if (job->idempotency->takes_over) free.insert(job->id);
            }
        }
        for (const auto& job : jobs) {
            has_key.add(job.idempotency.has_value() && !free.contains(job.id));
        }
    }

    pqxx::result execute(pqxx::transaction_base& transaction) const {
        return transaction.exec_prepared(
            "job_insert", parameter(ids), parameter(queues), parameter(priorities),
            parameter(models), parameter(timeouts), parameter(start_within), parameter(ttls),
            parameter(attempts_max), parameter(run_at), parameter(specs), parameter(metadata),
            parameter(retry_of), parameter(client_ids), parameter(has_key), parameter(keys),
            parameter(fingerprints), parameter(lifetimes), parameter(key_jobs), parameter(takers));
    }
};

}  // namespace

Result<std::vector<InsertedJob>> PostgresJobStore::job_insert(const std::vector<NewJob>& jobs) {
    InsertColumns columns;
    for (const auto& job : jobs) {
        TRY(const auto queue, queue_id(job.terms.queue));
        columns.add(job, queue);
    }
    columns.add_keys(jobs);

    std::vector<InsertedJob> replies;
    std::vector<bool> made;
    TRY_STATUS(session_.run(Effect::kWrite, "job_insert", [&](auto& transaction) {
        replies.assign(jobs.size(), {});
        made.assign(jobs.size(), false);
        for (const auto& row : columns.execute(transaction)) {
            const auto i = index_of(row[0]);
            replies.at(i) = {.id = jobs.at(i).id, .state = state_of(row[1])};
            made.at(i) = true;
        }
    }));
    std::vector<std::size_t> losers;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (!made[i]) losers.push_back(i);
    }
    if (losers.empty()) return replies;
    const auto found = find_winners(jobs, replies, losers);
    if (found.has_value()) return replies;
    // The other jobs of the batch are committed.
    if (losers.size() == jobs.size()) return found.error();
    return Error{ErrorCode::kOutcomeUnknown, found.error().message};
}

Status PostgresJobStore::find_winners(const std::vector<NewJob>& jobs,
                                      std::vector<InsertedJob>& replies,
                                      const std::vector<std::size_t>& losers) {
    ArrayParameter keys(Element::kText);
    for (const auto i : losers) keys.add(std::string_view(stored_key(jobs[i])));
    struct Winner {
        std::string fingerprint;
        JobId job;
        JobState state;
    };
    std::map<std::string, Winner> winners;
    TRY_STATUS(session_.run(Effect::kRead, "idempotency_get", [&](auto& transaction) {
        winners.clear();
        for (const auto& row : transaction.exec_prepared("idempotency_get", parameter(keys))) {
            winners[text_of(row[0])] = {bytes_of(row[1]), id_of<JobId>(row[2]), state_of(row[3])};
        }
    }));
    for (const auto i : losers) {
        const auto& key = *jobs[i].idempotency;
        const auto winner = winners.find(stored_key(jobs[i]));
        if (winner == winners.end()) {
            return Error{ErrorCode::kUnavailable, "An idempotency key has just expired."};
        }
        const auto& [fingerprint, job, state] = winner->second;
        replies[i] = {.id = job,
                      .state = state,
                      .replayed = true,
                      .key_reused = fingerprint != fingerprint_of(key)};
    }
    return ok();
}

}  // namespace millrace::storage::postgres

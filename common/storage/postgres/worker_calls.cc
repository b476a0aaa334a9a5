// What workers ask of the store.

#include <algorithm>
#include <numeric>

#include "common/storage/postgres/rows.h"
#include "common/storage/postgres/store.h"
#include "common/wire/messages.h"

namespace millrace::storage {
namespace {

using Element = ArrayParameter::Element;

std::vector<std::size_t> order_by_id(const std::vector<SettledAttempt>& attempts) {
    std::vector<std::size_t> order(attempts.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t i) { return attempts[i].key; });
    return order;
}

// The columns of job_complete.sql.
struct CompleteColumns {
    ArrayParameter ids{Element::kUuid};
    ArrayParameter epochs{Element::kInt8};
    ArrayParameter outputs{Element::kText};
    ArrayParameter prompt_tokens{Element::kInt8};
    ArrayParameter completion_tokens{Element::kInt8};
    bool empty = true;

    void add(const SettledAttempt& attempt) {
        ids.add(attempt.key.job.uuid());
        epochs.add_int8(attempt.key.epoch);
        outputs.add_bytes(attempt.outcome.output_json);
        prompt_tokens.add_int8(attempt.outcome.usage.prompt_tokens);
        completion_tokens.add_int8(attempt.outcome.usage.completion_tokens);
        empty = false;
    }
};

// The columns of job_settle.sql.
struct SettleColumns {
    ArrayParameter ids{Element::kUuid};
    ArrayParameter epochs{Element::kInt8};
    ArrayParameter next{Element::kInt2};
    ArrayParameter delays{Element::kInt8};
    ArrayParameter outcomes{Element::kInt2};
    ArrayParameter counts{Element::kBool};
    ArrayParameter codes{Element::kText};
    ArrayParameter messages{Element::kText};
    bool empty = true;

    void add(const SettledAttempt& attempt) {
        const auto& settlement = attempt.settlement;
        ids.add(attempt.key.job.uuid());
        epochs.add_int8(attempt.key.epoch);
        next.add_int2(static_cast<int>(settlement.next));
        delays.add_int8(settlement.delay.count());
        outcomes.add_int2(static_cast<int>(attempt.outcome.kind));
        counts.add_bool(settlement.counts_as_failure);
        settlement.error_code.empty() ? codes.add_null() : codes.add_bytes(settlement.error_code);
        settlement.error_message.empty() ? messages.add_null()
                                         : messages.add_bytes(settlement.error_message);
        empty = false;
    }
};

}  // namespace

Status PostgresJobStore::worker_register(const WorkerInfo& worker) {
    return session_.run(Effect::kWrite, "worker_register", [&](auto& transaction) {
        transaction.exec_prepared("worker_register", worker.id.uuid().str(), worker.name,
                                  worker.host, worker.pid, worker.slots,
                                  parameter(text_array(worker.queues)),
                                  parameter(text_array(worker.models)));
    });
}

Result<HeartbeatReply> PostgresJobStore::worker_heartbeat(WorkerId worker) {
    HeartbeatReply reply;
    const auto id = worker.uuid().str();
    TRY_STATUS(session_.transact("worker_heartbeat", [&](pqxx::transaction_base& transaction) {
        reply = {};
        reply.alive = !transaction.exec_prepared("worker_heartbeat", id).empty();
        for (const auto& row : transaction.exec_prepared("worker_active", id)) {
            ++reply.active;
            if (state_of(row[2]) != JobState::kCancelling) continue;
            reply.cancelling.push_back({.job = id_of<JobId>(row[0]), .epoch = row[1].as<Epoch>()});
        }
    }));
    return reply;
}

Status PostgresJobStore::set_worker_state(WorkerId worker, WorkerState state) {
    return session_.run(Effect::kWrite, "worker_set_state", [&](auto& transaction) {
        transaction.exec_prepared("worker_set_state", worker.uuid().str(), static_cast<int>(state));
    });
}

Status PostgresJobStore::worker_drain(WorkerId worker) {
    return set_worker_state(worker, WorkerState::kDraining);
}

Status PostgresJobStore::worker_stop(WorkerId worker) {
    return set_worker_state(worker, WorkerState::kStopped);
}

Result<std::vector<AttemptKey>> PostgresJobStore::worker_active(WorkerId worker) {
    std::vector<AttemptKey> active;
    TRY_STATUS(session_.run(Effect::kRead, "worker_active", [&](auto& transaction) {
        active.clear();
        for (const auto& row : transaction.exec_prepared("worker_active", worker.uuid().str())) {
            active.push_back({.job = id_of<JobId>(row[0]), .epoch = row[1].template as<Epoch>()});
        }
    }));
    return active;
}

Result<std::vector<Claim>> PostgresJobStore::job_claim(WorkerId worker,
                                                       const std::vector<JobId>& ids) {
    auto ascending = ids;
    std::ranges::sort(ascending);
    std::vector<Claim> claims;
    TRY_STATUS(session_.run(Effect::kWrite, "job_claim", [&](pqxx::transaction_base& transaction) {
        claims.clear();
        for (const auto& row : transaction.exec_prepared("job_claim", worker.uuid().str(),
                                                         parameter(uuid_array(ascending)))) {
            claims.push_back(claim_of(row));
        }
    }));
    return claims;
}

Result<std::vector<ClaimedJob>> PostgresJobStore::job_steal(WorkerId worker,
                                                            const StealRequest& request) {
    TRY(const auto queue, queue_id(request.queue));
    std::vector<ClaimedJob> jobs;
    TRY_STATUS(session_.run(Effect::kWrite, "job_steal", [&](pqxx::transaction_base& transaction) {
        jobs.clear();
        for (const auto& row : transaction.exec_prepared(
                 "job_steal", worker.uuid().str(), queue, static_cast<int>(request.priority),
                 parameter(text_array(request.models)), request.age_min.count(),
                 request.low_water.uuid().str(), request.limit)) {
            const auto claim = claim_of(row);
            auto spec = wire::decode_spec(bytes_of(row[7]));
            if (!spec.has_value()) throw std::runtime_error(spec.error().message);
            jobs.push_back({.key = claim.key,
                            .attempt = claim.attempt,
                            .failures = claim.failures,
                            .losses = claim.losses,
                            .remaining = claim.remaining,
                            .deadline_is_ttl = claim.deadline_is_ttl,
                            .spec = *std::move(spec)});
        }
    }));
    return jobs;
}

Result<std::vector<std::pair<JobId, JobSpec>>> PostgresJobStore::job_specs(
    const std::vector<JobId>& ids) {
    std::vector<std::pair<JobId, JobSpec>> specs;
    TRY_STATUS(session_.run(Effect::kRead, "job_specs", [&](pqxx::transaction_base& transaction) {
        specs.clear();
        for (const auto& row : transaction.exec_prepared("job_specs", parameter(uuid_array(ids)))) {
            auto spec = wire::decode_spec(bytes_of(row[1]));
            if (!spec.has_value()) throw std::runtime_error(spec.error().message);
            specs.emplace_back(id_of<JobId>(row[0]), *std::move(spec));
        }
    }));
    return specs;
}

Result<std::vector<SettledReply>> PostgresJobStore::job_settle(
    WorkerId worker, const std::vector<SettledAttempt>& attempts) {
    CompleteColumns completed;
    SettleColumns others;
    for (const auto i : order_by_id(attempts)) {
        const auto& attempt = attempts[i];
        const bool completes = attempt.settlement.next == JobState::kCompleted;
        completes ? completed.add(attempt) : others.add(attempt);
    }
    const auto id = worker.uuid().str();
    std::map<AttemptKey, JobState> accepted;
    const auto complete = [&](pqxx::transaction_base& transaction) {
        for (const auto& row : transaction.exec_prepared(
                 "job_complete", id, parameter(completed.ids), parameter(completed.epochs),
                 parameter(completed.outputs), parameter(completed.prompt_tokens),
                 parameter(completed.completion_tokens))) {
            accepted[{id_of<JobId>(row[0]), row[1].as<Epoch>()}] = JobState::kCompleted;
        }
    };
    const auto settle = [&](pqxx::transaction_base& transaction) {
        for (const auto& row : transaction.exec_prepared(
                 "job_settle", id, parameter(others.ids), parameter(others.epochs),
                 parameter(others.next), parameter(others.delays), parameter(others.outcomes),
                 parameter(others.counts), parameter(others.codes), parameter(others.messages))) {
            accepted[{id_of<JobId>(row[0]), row[1].as<Epoch>()}] = state_of(row[2]);
        }
    };
    if (others.empty) {
        TRY_STATUS(session_.run(Effect::kWrite, "job_complete", [&](auto& transaction) {
            accepted.clear();
            complete(transaction);
        }));
    } else {
        TRY_STATUS(session_.transact("job_settle", [&](pqxx::transaction_base& transaction) {
            accepted.clear();
            if (!completed.empty) complete(transaction);
            settle(transaction);
        }));
    }
    TRY_STATUS(recognise_settled(worker, attempts, accepted));
    std::vector<SettledReply> replies;
    for (const auto& attempt : attempts) {
        SettledReply reply{.key = attempt.key};
        if (const auto found = accepted.find(attempt.key); found != accepted.end()) {
            reply.accepted = true;
            reply.state = found->second;
        }
        replies.push_back(reply);
    }
    return replies;
}

Status PostgresJobStore::recognise_settled(WorkerId worker,
                                           const std::vector<SettledAttempt>& attempts,
                                           std::map<AttemptKey, JobState>& accepted) {
    if (accepted.size() == attempts.size()) return ok();
    ArrayParameter ids(Element::kUuid);
    ArrayParameter epochs(Element::kInt8);
    for (const auto& attempt : attempts) {
        if (accepted.contains(attempt.key)) continue;
        ids.add(attempt.key.job.uuid());
        epochs.add_int8(attempt.key.epoch);
    }
    return session_.run(Effect::kRead, "job_settled_before", [&](auto& transaction) {
        for (const auto& row : transaction.exec_prepared("job_settled_before", worker.uuid().str(),
                                                         parameter(ids), parameter(epochs))) {
            accepted[{id_of<JobId>(row[0]), row[1].template as<Epoch>()}] = state_of(row[2]);
        }
    });
}

Status PostgresJobStore::partial_save(WorkerId worker,
                                      const std::vector<PartialCheckpoint>& partials) {
    auto ascending = partials;
    std::ranges::sort(ascending, {}, &PartialCheckpoint::key);
    ArrayParameter ids(Element::kUuid);
    ArrayParameter epochs(Element::kInt8);
    ArrayParameter sequences(Element::kInt8);
    ArrayParameter texts(Element::kText);
    for (const auto& partial : ascending) {
        ids.add(partial.key.job.uuid());
        epochs.add_int8(partial.key.epoch);
        sequences.add_int8(partial.sequence);
        texts.add_bytes(partial.text);
    }
    return session_.run(Effect::kWrite, "partial_save", [&](auto& transaction) {
        transaction.exec_prepared("partial_save", worker.uuid().str(), parameter(ids),
                                  parameter(epochs), parameter(sequences), parameter(texts));
    });
}

}  // namespace millrace::storage

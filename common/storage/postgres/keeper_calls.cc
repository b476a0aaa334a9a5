// What the keeper asks of the store: each duty's page is one transaction under the duty's lock.

#include <fmt/format.h>

#include "common/storage/postgres/rows.h"
#include "common/storage/postgres/store.h"

namespace millrace::storage {

Result<DutyPage> PostgresJobStore::duty(
    Duty duty, const std::string& statement,
    const std::function<pqxx::result(pqxx::transaction_base&)>& page) {
    DutyPage answer;
    TRY_STATUS(session_.transact(statement, [&](pqxx::transaction_base& transaction) {
        answer = {};
        const auto lock = transaction.exec_prepared("duty_lock", static_cast<int>(duty));
        answer.led = lock[0][0].as<bool>();
        if (!answer.led) return;
        for (const auto& row : page(transaction)) answer.moved.push_back(moved_of(row));
    }));
    return answer;
}

Result<int> PostgresJobStore::housekeeping(
    const std::string& statement, const std::function<int(pqxx::transaction_base&)>& body) {
    int changed = 0;
    TRY_STATUS(session_.transact(statement, [&](pqxx::transaction_base& transaction) {
        const auto lock =
            transaction.exec_prepared("duty_lock", static_cast<int>(Duty::kHousekeeping));
        changed = lock[0][0].as<bool>() ? body(transaction) : 0;
    }));
    return changed;
}

Result<DutyPage> PostgresJobStore::keeper_release(int page) {
    return duty(Duty::kRelease, "keeper_release", [&](pqxx::transaction_base& transaction) {
        return transaction.exec_prepared("keeper_release", page);
    });
}

Result<DutyPage> PostgresJobStore::keeper_expire(int page) {
    return duty(Duty::kExpire, "keeper_expire", [&](pqxx::transaction_base& transaction) {
        return transaction.exec_prepared("keeper_expire", page);
    });
}

Result<DutyPage> PostgresJobStore::keeper_end_overdue(milliseconds grace, int page) {
    return duty(Duty::kEndOverdue, "keeper_end_overdue", [&](pqxx::transaction_base& transaction) {
        return transaction.exec_prepared("keeper_end_overdue", grace.count(), page);
    });
}

Result<DutyPage> PostgresJobStore::keeper_rescue(const RescueLimits& limits) {
    return duty(Duty::kRescue, "keeper_rescue", [&](pqxx::transaction_base& transaction) {
        return transaction.exec_prepared("keeper_rescue", limits.losses_max, limits.mass_outage,
                                         limits.page);
    });
}

Result<std::vector<WorkerPulse>> PostgresJobStore::worker_pulses() {
    std::vector<WorkerPulse> pulses;
    TRY_STATUS(
        session_.run(Effect::kRead, "worker_pulses", [&](pqxx::transaction_base& transaction) {
            pulses.clear();
            for (const auto& row : transaction.exec_prepared("worker_pulses")) {
                pulses.push_back(
                    {.id = id_of<WorkerId>(row[0]), .heartbeats = row[1].as<std::int64_t>()});
            }
        }));
    return pulses;
}

Status PostgresJobStore::worker_mark_lost(const std::vector<WorkerPulse>& silent) {
    ArrayParameter ids(ArrayParameter::Element::kUuid);
    ArrayParameter heartbeats(ArrayParameter::Element::kInt8);
    for (const auto& pulse : silent) {
        ids.add(pulse.id.uuid());
        heartbeats.add_int8(pulse.heartbeats);
    }
    return session_.run(Effect::kWrite, "worker_mark_lost", [&](auto& transaction) {
        transaction.exec_prepared("worker_mark_lost", parameter(ids), parameter(heartbeats));
    });
}

Result<int> PostgresJobStore::idempotency_purge(std::chrono::seconds ttl, int page) {
    return housekeeping("idempotency_purge", [&](pqxx::transaction_base& transaction) {
        return static_cast<int>(
            transaction.exec_prepared("idempotency_purge", ttl.count(), page).affected_rows());
    });
}

Result<int> PostgresJobStore::worker_purge(std::chrono::seconds retention, int page) {
    return housekeeping("worker_purge", [&](pqxx::transaction_base& transaction) {
        return static_cast<int>(
            transaction.exec_prepared("worker_purge", retention.count(), page).affected_rows());
    });
}

Result<int> PostgresJobStore::partition_rotate(const PartitionPolicy& policy) {
    return housekeeping("partition_rotate", [&](pqxx::transaction_base& transaction) {
        const auto rows = transaction.exec_prepared(
            "partition_rotate", fmt::format("{} hours", policy.interval.count()), policy.premake,
            fmt::format("{} hours", policy.retention.count()));
        return rows[0][0].as<int>();
    });
}

OpenStore postgres_store(PostgresOptions options) {
    return [options = std::move(options)] { return std::make_unique<PostgresJobStore>(options); };
}

}  // namespace millrace::storage

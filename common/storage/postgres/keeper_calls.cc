// The calls of the keeper: each page of a duty is one transaction under the duty's lock.

#include <algorithm>

#include "common/base/log.h"
#include "common/storage/postgres/rows.h"
#include "common/storage/postgres/store.h"

namespace millrace::storage::postgres {
namespace {

using Element = ArrayParameter::Element;

}  // namespace

Result<bool> PostgresJobStore::lead(Duty duty, const char* statement, const Session::Body& body) {
    bool leads = false;
    TRY_STATUS(session_.transact(statement, [&](pqxx::transaction_base& transaction) {
        leads = transaction.exec_prepared1("duty_lock", static_cast<int>(duty))[0].as<bool>();
        if (leads) body(transaction);
    }));
    return leads;
}

template <class... Parameters>
Result<DutyPage> PostgresJobStore::move_page(Duty duty, const char* statement,
                                             const Parameters&... parameters) {
    DutyPage page;
    TRY(page.led, lead(duty, statement, [&](pqxx::transaction_base& transaction) {
            page.moved.clear();
            for (const auto& row : transaction.exec_prepared(statement, parameters...)) {
                page.moved.push_back(moved_of(row));
            }
        }));
    return page;
}

Result<DutyPage> PostgresJobStore::keeper_release(int page) {
    return move_page(Duty::kRelease, "keeper_release", page);
}

Result<DutyPage> PostgresJobStore::keeper_expire(int page) {
    return move_page(Duty::kExpire, "keeper_expire", page);
}

Result<DutyPage> PostgresJobStore::keeper_end_overdue(milliseconds grace, int page) {
    return move_page(Duty::kEndOverdue, "keeper_end_overdue", grace.count(), page);
}

Status PostgresJobStore::keeper_reset_deadlines() {
    // Doing it twice is the same as once, so a lost answer does not matter.
    return session_.run(Effect::kRead, "keeper_reset_deadlines", [](auto& transaction) {
        transaction.exec_prepared("keeper_reset_deadlines");
    });
}

Result<DutyPage> PostgresJobStore::keeper_rescue(const RescueLimits& limits) {
    return move_page(Duty::kRescue, "keeper_rescue", limits.losses_max, limits.page);
}

Result<std::vector<WorkerPulse>> PostgresJobStore::worker_pulses() {
    // The duties that follow depend on the age of rows, so the keeper must notice a step of the
    // clock first.
    session_.compare_clock();
    std::vector<WorkerPulse> pulses;
    TRY_STATUS(
        session_.run(Effect::kRead, "worker_pulses", [&](pqxx::transaction_base& transaction) {
            pulses.clear();
            for (const auto& row : transaction.exec_prepared("worker_pulses")) {
                pulses.push_back({id_of<WorkerId>(row[0]), row[1].as<std::int64_t>()});
            }
        }));
    return pulses;
}

Status PostgresJobStore::worker_mark_lost(const std::vector<WorkerPulse>& silent, bool mass_outage,
                                          milliseconds together) {
    auto ordered = silent;
    std::ranges::sort(ordered, {}, &WorkerPulse::id);
    ArrayParameter ids(Element::kUuid);
    ArrayParameter heartbeats(Element::kInt8);
    for (const auto& pulse : ordered) {
        ids.add(pulse.id.uuid());
        heartbeats.add(pulse.heartbeats);
    }
    return session_.run(Effect::kWrite, "worker_mark_lost", [&](auto& transaction) {
        transaction.exec_prepared("worker_mark_lost", parameter(ids), parameter(heartbeats),
                                  mass_outage, together.count());
    });
}

template <class... Parameters>
Result<int> PostgresJobStore::purge(const char* statement, const Parameters&... parameters) {
    int purged = 0;
    // A lost answer does not matter: the next page finds what is left.
    TRY_STATUS(session_.run(Effect::kRead, statement, [&](pqxx::transaction_base& transaction) {
        purged = static_cast<int>(transaction.exec_prepared(statement, parameters...).size());
    }));
    return purged;
}

Result<KeyPurge> PostgresJobStore::idempotency_purge(const KeyCursor& from,
                                                     std::chrono::seconds retention, int page) {
    KeyPurge purge;
    // A lost answer does not matter: the same page is looked at again.
    const auto body = [&](pqxx::transaction_base& transaction) {
        const auto row = transaction.exec_prepared1("idempotency_purge", from.expired_to,
                                                    from.made_to, retention.count(), page);
        purge = {.removed = row[0].as<int>(),
                 .has_more = row[1].as<bool>(),
                 .next = {.expired_to = row[2].as<std::int64_t>(),
                          .made_to = row[3].as<std::int64_t>()}};
    };
    TRY_STATUS(session_.run(Effect::kRead, "idempotency_purge", body));
    return purge;
}

Result<int> PostgresJobStore::worker_purge(std::chrono::seconds retention, int page) {
    return purge("worker_purge", retention.count(), page);
}

Result<int> PostgresJobStore::partial_purge(int page) {
    return purge("partial_purge", page);
}

Result<RotationStep> PostgresJobStore::partition_rotate(const PartitionPolicy& policy) {
    std::string done;
    int rows = 0;
    const auto body = [&](pqxx::transaction_base& transaction) {
        const auto run = [&](const char* statement, const auto&... more) {
            return transaction.exec_prepared1(statement, policy.interval.count(), policy.premake,
                                              policy.retention.count(), policy.settle_time.count(),
                                              more...);
        };
        done = run("partition_next")[0].c_str();
        if (done == "rest" || done == "wait" || done == "busy") return;
        const auto time = done == "swap" ? policy.swap_time : options_.statement_timeout;
        transaction.exec_prepared("brief_locks", policy.lock_wait.count(), time.count());
        const auto row = run("partition_step", policy.page);
        done = row[0].c_str();
        rows = row[1].as<int>();
    };
    TRY(const bool leads, lead(Duty::kHousekeeping, "partition_step", body));
    if (!leads || done == "rest") return RotationStep{};
    if (done == "busy" || done == "wait") return RotationStep{RotationStep::Kind::kBusy};
    if (done != "copy") log_info("partitions are rotated", {{"step", done}});
    return RotationStep{RotationStep::Kind::kDone, rows};
}

OpenStore postgres_store(PostgresOptions options) {
    return [options = std::move(options)] { return std::make_unique<PostgresJobStore>(options); };
}

}  // namespace millrace::storage::postgres

// The calls of the keeper: each page of a duty is one transaction under the duty's lock.

#include <algorithm>

#include "common/base/log.h"
#include "common/storage/postgres/rows.h"
#include "common/storage/postgres/store.h"

namespace millrace::storage::postgres {
namespace {

using Element = ArrayParameter::Element;

constexpr int kPartitionPage = 10'000;  // The rows that a dropped partition may leave behind.

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

Result<int> PostgresJobStore::idempotency_purge(std::chrono::seconds retention, int page) {
    return purge("idempotency_purge", retention.count(), page);
}

Result<int> PostgresJobStore::worker_purge(std::chrono::seconds retention, int page) {
    return purge("worker_purge", retention.count(), page);
}

Result<int> PostgresJobStore::partition_rotate(const PartitionPolicy& policy) {
    struct {
        int made = 0;
        int dropped = 0;
        int purged = 0;
        int too_full = 0;
        int in_default = 0;
    } done;
    const auto body = [&](pqxx::transaction_base& transaction) {
        const auto row =
            transaction.exec_prepared1("partition_rotate", policy.interval.count(), policy.premake,
                                       policy.retention.count(), kPartitionPage);
        done = {row[0].as<int>(), row[1].as<int>(), row[2].as<int>(), row[3].as<int>(),
                row[4].as<int>()};
    };
    TRY_STATUS(lead(Duty::kHousekeeping, "partition_rotate", body));
    TRY(const int partials, purge("partial_purge", kPartitionPage));
    if (done.too_full > 0) {
        log_warning("old partitions are kept: too many of their jobs are open or ended recently",
                    {{"partitions", done.too_full}, {"jobs_max", kPartitionPage}});
    }
    if (done.in_default > 0) {
        log_warning(
            "finished jobs lie in the DEFAULT partition, because there was none for their time; "
            "they are removed row by row after keeper.partition_retention",
            {{"jobs", done.in_default}, {"counted_up_to", kPartitionPage}});
    }
    return done.made + done.dropped + done.purged + partials;
}

OpenStore postgres_store(PostgresOptions options) {
    return [options = std::move(options)] { return std::make_unique<PostgresJobStore>(options); };
}

}  // namespace millrace::storage::postgres

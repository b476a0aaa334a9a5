// The calls of workers, except for settling attempts.

#include <algorithm>

#include "common/base/log.h"
#include "common/storage/postgres/rows.h"
#include "common/storage/postgres/store.h"
#include "common/wire/messages.h"

namespace millrace::storage::postgres {
namespace {

using Element = ArrayParameter::Element;

// Each id once, in the order in which rows are locked.
std::vector<JobId> lock_order(std::vector<JobId> ids) {
    std::ranges::sort(ids);
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

}  // namespace

Status PostgresJobStore::worker_register(const WorkerInfo& worker) {
    for (const auto& queue : worker.queues) {
        if (const auto known = queue_id(queue); !known) return known.error();
    }
    return session_.run(Effect::kWrite, "worker_register", [&](auto& transaction) {
        transaction.exec_prepared("worker_register", worker.id.uuid().str(),
                                  pqxx::binarystring(worker.name), pqxx::binarystring(worker.host),
                                  worker.pid, worker.slots, parameter(text_array(worker.queues)),
                                  parameter(text_array(worker.models)),
                                  parameter(text_array(worker.devices)));
    });
}

Status PostgresJobStore::worker_announce(WorkerId worker, const std::vector<std::string>& models) {
    return session_.run(Effect::kWrite, "worker_announce", [&](auto& transaction) {
        transaction.exec_prepared("worker_announce", worker.uuid().str(),
                                  parameter(text_array(models)));
    });
}

Result<HeartbeatReply> PostgresJobStore::worker_heartbeat(WorkerId worker) {
    HeartbeatReply reply;
    TRY_STATUS(
        session_.run(Effect::kWrite, "worker_heartbeat", [&](pqxx::transaction_base& transaction) {
            reply = {};
            for (const auto& row :
                 transaction.exec_prepared("worker_heartbeat", worker.uuid().str())) {
                reply.alive = row[0].as<bool>();
                reply.active = row[1].as<int>();
                reply.confined_waits = row[2].as<bool>();
                if (row[3].is_null()) continue;
                reply.cancelling.push_back({id_of<JobId>(row[3]), row[4].as<Epoch>()});
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
    TRY_STATUS(
        session_.run(Effect::kRead, "worker_active", [&](pqxx::transaction_base& transaction) {
            active.clear();
            for (const auto& row :
                 transaction.exec_prepared("worker_active", worker.uuid().str())) {
                active.push_back({id_of<JobId>(row[0]), row[1].as<Epoch>()});
            }
        }));
    return active;
}

Result<std::vector<Claim>> PostgresJobStore::job_claim(WorkerId worker,
                                                       const std::vector<JobId>& ids) {
    const auto ordered = lock_order(ids);
    const auto array = uuid_array(ordered);
    std::vector<Claim> claims;
    TRY_STATUS(session_.run(Effect::kWrite, "job_claim", [&](pqxx::transaction_base& transaction) {
        claims.clear();
        for (const auto& row :
             transaction.exec_prepared("job_claim", worker.uuid().str(), parameter(array))) {
            claims.push_back(claim_of(ordered.at(index_of(row[0])), row));
        }
    }));
    return claims;
}

Result<StolenJobs> PostgresJobStore::job_steal(WorkerId worker, const StealRequest& request) {
    TRY(const auto queue, queue_id(request.queue));
    StolenJobs stolen;
    TRY_STATUS(session_.run(Effect::kWrite, "job_steal", [&](pqxx::transaction_base& transaction) {
        stolen = {};
        const auto rows = transaction.exec_prepared(
            "job_steal", worker.uuid().str(), queue, static_cast<int>(request.priority),
            request.model, request.age_min.count(), request.queued_from.time_since_epoch().count(),
            request.limit, request.bytes_max);
        for (const auto& row : rows) {
            stolen.queued_last = time_of(row[8]);
            stolen.is_cut = !row[9].is_null() && row[9].as<bool>();
            // A job whose spec cannot be read is left out: the worker, which does not know that it
            // holds the job, hands it back when it reconciles.
            auto spec = wire::decode_spec(bytes_of(row[7]));
            if (!spec) continue;
            stolen.jobs.push_back({claim_of(id_of<JobId>(row[0]), row), *std::move(spec)});
        }
    }));
    return stolen;
}

Result<std::optional<ClaimedJob>> PostgresJobStore::job_claim_confined(WorkerId worker) {
    std::optional<ClaimedJob> job;
    const auto claim = [&](pqxx::transaction_base& transaction) {
        job.reset();
        for (const auto& row :
             transaction.exec_prepared("job_claim_confined", worker.uuid().str())) {
            // As in job_steal().
            auto spec = wire::decode_spec(bytes_of(row[7]));
            if (spec) job = ClaimedJob{claim_of(id_of<JobId>(row[0]), row), *std::move(spec)};
        }
    };
    TRY_STATUS(session_.run(Effect::kWrite, "job_claim_confined", claim));
    return job;
}

Result<std::vector<std::pair<JobId, JobSpec>>> PostgresJobStore::job_specs(
    const std::vector<JobId>& ids) {
    std::vector<std::pair<JobId, JobSpec>> specs;
    if (ids.empty()) return specs;
    const auto bounds = std::ranges::minmax(ids);
    TRY_STATUS(session_.run(Effect::kRead, "job_specs", [&](pqxx::transaction_base& transaction) {
        specs.clear();
        const auto rows =
            transaction.exec_prepared("job_specs", parameter(uuid_array(ids)),
                                      bounds.min.uuid().str(), bounds.max.uuid().str());
        for (const auto& row : rows) {
            auto spec = wire::decode_spec(bytes_of(row[1]));
            const auto id = id_of<JobId>(row[0]);
            if (spec) {
                specs.emplace_back(id, *std::move(spec));
            } else {
                log_error("a job's spec cannot be read; the job does not run",
                          {{"job", id.str()}, {"error", spec.error().message}});
            }
        }
    }));
    return specs;
}

Status PostgresJobStore::partial_save(WorkerId worker,
                                      const std::vector<PartialCheckpoint>& partials) {
    std::vector<const PartialCheckpoint*> ordered;
    ordered.reserve(partials.size());
    for (const auto& partial : partials) ordered.push_back(&partial);
    std::ranges::sort(ordered, {}, &PartialCheckpoint::key);
    ArrayParameter ids(Element::kUuid);
    ArrayParameter epochs(Element::kInt8);
    ArrayParameter sequences(Element::kInt8);
    ArrayParameter texts(Element::kText);
    for (const auto* partial : ordered) {
        ids.add(partial->key.job.uuid());
        epochs.add(partial->key.epoch);
        sequences.add(std::int64_t{partial->sequence});
        texts.add(std::string_view(partial->text));
    }
    return session_.run(Effect::kWrite, "partial_save", [&](auto& transaction) {
        transaction.exec_prepared("partial_save", worker.uuid().str(), parameter(ids),
                                  parameter(epochs), parameter(sequences), parameter(texts));
    });
}

}  // namespace millrace::storage::postgres

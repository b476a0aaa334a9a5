#include "producer/intake/intake.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "common/base/log.h"
#include "common/telemetry/telemetry.h"
#include "common/wire/messages.h"

namespace millrace::intake {

using telemetry::Metric;

// One call of a client, answered once all its jobs are.
struct Intake::Submission {
    std::vector<service::SubmitResult> results;
    std::size_t open = 0;
    service::Callback<std::vector<service::SubmitResult>> done;
};

// Where to put the answer for one job.
struct Intake::Ticket {
    std::shared_ptr<Submission> submission;
    std::size_t index = 0;
};

struct Intake::Pending {
    storage::NewJob job;
    Ticket ticket;
};

// The jobs of one commit as the store takes them, each with its ticket.
struct Intake::Batch {
    std::vector<storage::NewJob> jobs;
    std::vector<Ticket> tickets;
    // If the outcome is unknown: when to look next, and when to give up.
    std::optional<MonoTime> answer_by;
    MonoTime look_at = MonoTime::min();

    bool empty() const { return jobs.empty(); }

    void add(storage::NewJob job, Ticket ticket) {
        jobs.push_back(std::move(job));
        tickets.push_back(std::move(ticket));
    }

    std::vector<JobId> ids() const {
        std::vector<JobId> ids;
        ids.reserve(jobs.size());
        for (const auto& job : jobs) ids.push_back(job.id);
        return ids;
    }

    // Moves the first `count` jobs out.
    Batch take_front(std::size_t count) {
        const auto n = static_cast<std::ptrdiff_t>(count);
        Batch front;
        front.jobs.assign(std::make_move_iterator(jobs.begin()),
                          std::make_move_iterator(jobs.begin() + n));
        front.tickets.assign(std::make_move_iterator(tickets.begin()),
                             std::make_move_iterator(tickets.begin() + n));
        jobs.erase(jobs.begin(), jobs.begin() + n);
        tickets.erase(tickets.begin(), tickets.begin() + n);
        return front;
    }
};

namespace {

service::SubmitError closed_error() {
    return {{ErrorCode::kUnavailable, "This gateway is stopping; use another or retry."}, {}};
}

service::SubmitError full_error(std::size_t queue_max) {
    return {{ErrorCode::kResourceExhausted,
             "Too many submissions wait to be committed (intake.queue_max = " +
                 std::to_string(queue_max) + "); retry later."},
            {}};
}

void count_refused(const Error& error, std::size_t n) {
    telemetry::count<Metric::kSubmitsRefused>(n, error_info(error.code).name);
}

void refuse_all(std::size_t count, const service::SubmitError& error,
                const service::Callback<std::vector<service::SubmitResult>>& done) {
    count_refused(error.error, count);
    done(std::vector<service::SubmitResult>(count, error));
}

}  // namespace

Intake::Intake(IntakeOptions options, const Clock& clock, Random& random, storage::JobStore& store,
               dispatch::Dispatcher& dispatcher)
    : options_(options),
      clock_(clock),
      store_(store),
      dispatcher_(dispatcher),
      queue_(options.queue_max),
      ids_(random) {}

Intake::~Intake() = default;

void Intake::submit(service::SubmitRequest request, service::Callback<service::SubmitResult> done) {
    std::vector<service::SubmitRequest> one;
    one.push_back(std::move(request));
    submit_many(std::move(one),
                [done = std::move(done)](std::vector<service::SubmitResult> results) {
                    done(std::move(results.front()));
                });
}

void Intake::submit_many(std::vector<service::SubmitRequest> requests,
                         service::Callback<std::vector<service::SubmitResult>> done) {
    const auto count = requests.size();
    if (count == 0) return done({});
    if (admitted_.fetch_add(count) + count > options_.queue_max) {
        admitted_ -= count;
        return refuse_all(count, full_error(options_.queue_max), done);
    }
    auto group = make_group(std::move(requests), std::move(done));
    const auto submission = group.front().ticket.submission;
    // The queue holds groups of at least one job, so it has room for all admitted jobs.
    if (!queue_.try_push(group)) {
        admitted_ -= count;
        refuse_all(count, closed_error(), submission->done);
    }
}

Intake::Group Intake::make_group(std::vector<service::SubmitRequest> requests,
                                 service::Callback<std::vector<service::SubmitResult>> done) {
    auto submission = std::make_shared<Submission>();
    submission->results.resize(requests.size());
    submission->open = requests.size();
    submission->done = std::move(done);
    Group group;
    group.reserve(requests.size());
    for (auto& request : requests) {
        // The input is held once: encoded.
        const auto spec = std::exchange(request.spec, {});
        group.push_back({{.id = {},
                          .terms = spec,
                          .metadata_json = spec.metadata_json,
                          .encoded_spec = wire::encode_spec(spec),
                          .run_at = request.run_at,
                          .idempotency = std::move(request.idempotency),
                          .retry_of = request.retry_of},
                         {submission, group.size()}});
    }
    return group;
}

bool Intake::step(MonoTime wait_until) {
    const bool resolved = resolve_due();
    if (!in_doubt_.empty()) wait_until = std::min(wait_until, in_doubt_.front().look_at);
    auto batch = next_batch(wait_until);
    if (batch.empty()) return resolved;
    if (const auto named = name_jobs(batch); !named) {
        refuse(std::move(batch), named.error());
    } else {
        insert(std::move(batch));
    }
    telemetry::set<Metric::kIntakeQueue>(admitted_.load());
    return true;
}

void Intake::run() {
    while (!queue_.closed() || queue_.size() > 0 || !backlog_.empty()) step(runtime::kNoDeadline);
    // Looks once more at the commits whose outcome is unknown.
    for (auto& batch : in_doubt_) batch.answer_by = batch.look_at = clock_.now();
    resolve_due();
}

Intake::Batch Intake::next_batch(MonoTime wait_until) {
    if (backlog_.size() < options_.batch_max) {
        const auto deadline = backlog_.empty() ? wait_until : MonoTime::min();
        for (auto& group : queue_.pop_all(options_.batch_max, deadline)) {
            backlog_.push_back(std::move(group));
        }
    }
    Batch batch;
    while (!backlog_.empty()) {
        auto& group = backlog_.front();
        const auto room = options_.batch_max - batch.jobs.size();
        if (group.size() > room && !batch.empty()) break;
        const auto end = group.begin() + static_cast<std::ptrdiff_t>(std::min(room, group.size()));
        std::for_each(group.begin(), end, [&](Pending& pending) {
            batch.add(std::move(pending.job), std::move(pending.ticket));
        });
        group.erase(group.begin(), end);
        if (!group.empty()) break;
        backlog_.pop_front();
    }
    return batch;
}

// The ids contain PostgreSQL's time, because its partitions go by that.
Status Intake::name_jobs(Batch& batch) {
    if (store_.database_time().count() == 0) TRY_STATUS(store_.store_probe());
    const auto now = store_.database_time();
    for (auto& job : batch.jobs) job.id = JobId(ids_.next(now));
    return ok();
}

void Intake::insert(Batch batch) {
    const auto start = clock_.now();
    const auto inserted = store_.job_insert(batch.jobs);
    telemetry::observe<Metric::kSubmitCommitSeconds>(clock_.now() - start);
    telemetry::observe_size<Metric::kSubmitBatchJobs>(batch.jobs.size());
    if (inserted) return accept(std::move(batch), *inserted);
    switch (inserted.error().code) {
        case ErrorCode::kOutcomeUnknown:
            return keep_in_doubt(std::move(batch));
        case ErrorCode::kDataCorrupt:
        case ErrorCode::kInvalidArgument:
        case ErrorCode::kAlreadyExists:
            return split(std::move(batch), inserted.error());
        default:
            // This insert changed nothing, but an earlier one with the same ids may have.
            if (batch.answer_by) return keep_in_doubt(std::move(batch));
            return refuse(std::move(batch), inserted.error());
    }
}

void Intake::accept(Batch batch, const std::vector<storage::InsertedJob>& inserted) {
    std::vector<dispatch::QueuedJob> queued;
    std::array<int, kPriorityCount> accepted{};
    for (std::size_t i = 0; i < inserted.size(); ++i) {
        // A key that leads to this same id was committed by an earlier attempt of this batch.
        if (inserted[i].id != batch.jobs[i].id) continue;
        auto& job = batch.jobs[i];
        ++accepted.at(static_cast<std::size_t>(job.terms.priority));
        if (inserted[i].state != JobState::kQueued) continue;
        queued.push_back(
            {job.id, std::move(job.terms.queue), job.terms.priority, std::move(job.encoded_spec)});
    }
    dispatcher_.offer(std::move(queued));
    for (const auto priority : kPriorities) {
        const auto n = accepted.at(static_cast<std::size_t>(priority));
        if (n > 0) telemetry::count<Metric::kJobsSubmitted>(n, name(priority));
    }
    for (std::size_t i = 0; i < inserted.size(); ++i) {
        const bool replayed = inserted[i].id != batch.jobs[i].id;
        answer(batch.tickets[i], service::SubmitReply{inserted[i].id, inserted[i].state, replayed,
                                                      replayed && inserted[i].key_reused});
    }
}

void Intake::refuse(Batch batch, const Error& error) {
    count_refused(error, batch.jobs.size());
    const bool in_doubt = error.code == ErrorCode::kOutcomeUnknown;
    for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
        const auto id = in_doubt ? std::optional(batch.jobs[i].id) : std::nullopt;
        answer(batch.tickets[i], service::SubmitError{error, id});
    }
}

// Finds the invalid job by halving the batch, so that the other jobs are accepted.
void Intake::split(Batch batch, const Error& error) {
    if (batch.answer_by) {
        // If the commit in doubt has succeeded meanwhile, the jobs were refused as duplicates of
        // themselves.
        auto rest = accept_committed(batch);
        if (!rest) return keep_in_doubt(std::move(batch));
        batch = *std::move(rest);
        batch.answer_by.reset();
        if (batch.empty()) return;
    }
    if (batch.jobs.size() == 1) {
        return refuse(std::move(batch), {ErrorCode::kInvalidArgument, error.message});
    }
    insert(batch.take_front(batch.jobs.size() / 2));
    insert(std::move(batch));
}

void Intake::answer(Ticket& ticket, service::SubmitResult result) {
    auto& submission = *ticket.submission;
    submission.results[ticket.index] = std::move(result);
    --admitted_;
    if (--submission.open == 0) submission.done(std::move(submission.results));
}

void Intake::keep_in_doubt(Batch batch) {
    const auto now = clock_.now();
    if (!batch.answer_by) {
        log_warning("PostgreSQL did not answer a commit; reading whether its jobs exist",
                    {{"jobs", batch.jobs.size()}});
        batch.answer_by = now + options_.in_doubt_max;
    }
    if (now >= *batch.answer_by) {
        return refuse(std::move(batch),
                      {ErrorCode::kOutcomeUnknown,
                       "The job may have been accepted: PostgreSQL became unreachable while "
                       "committing it. Look up its id before submitting it again."});
    }
    batch.look_at = now + options_.in_doubt_retry;
    in_doubt_.push_back(std::move(batch));
}

bool Intake::resolve_due() {
    bool resolved = false;
    const auto now = clock_.now();
    while (!in_doubt_.empty() && in_doubt_.front().look_at <= now) {
        auto batch = std::move(in_doubt_.front());
        in_doubt_.pop_front();
        resolve(std::move(batch));
        resolved = true;
    }
    return resolved;
}

// A missing id proves nothing: its commit may still be under way in PostgreSQL. Inserting it again
// gives proof, because PostgreSQL makes the second insert wait for the first and refuses a
// duplicate.
void Intake::resolve(Batch batch) {
    auto rest = accept_committed(batch);
    if (!rest) return keep_in_doubt(std::move(batch));
    if (!rest->empty()) insert(*std::move(rest));
}

Result<Intake::Batch> Intake::accept_committed(Batch& batch) {
    TRY(const auto found, store_.job_get(batch.ids(), {}));
    std::unordered_map<JobId, JobState> states;
    for (const auto& job : found) states.emplace(job.id, job.state);

    Batch committed;
    std::vector<storage::InsertedJob> inserted;
    Batch rest;
    rest.answer_by = batch.answer_by;
    for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
        const auto state = states.find(batch.jobs[i].id);
        auto& target = state == states.end() ? rest : committed;
        if (state != states.end()) inserted.push_back({state->first, state->second});
        target.add(std::move(batch.jobs[i]), std::move(batch.tickets[i]));
    }
    accept(std::move(committed), inserted);
    return rest;
}

}  // namespace millrace::intake

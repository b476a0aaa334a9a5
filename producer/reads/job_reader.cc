#include "producer/reads/job_reader.h"

#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "common/telemetry/telemetry.h"
#include "producer/reads/refusal.h"

namespace millrace::reads {

using telemetry::Metric;

namespace {

auto order_of(const storage::JobFields& fields) {
    return std::tuple(fields.input, fields.output, fields.partial, fields.attempts);
}

}  // namespace

void JobReader::get(JobId id, storage::JobFields fields,
                    service::Callback<Result<storage::JobRecord>> done) {
    enqueue(Get{id, fields, std::move(done)});
}

void JobReader::find(std::string client_id, service::Callback<Result<JobId>> done) {
    enqueue(Find{std::move(client_id), std::move(done)});
}

void JobReader::enqueue(Request request) {
    if (queue_.try_push(request)) return;
    const auto error = refusal_of(queue_);
    std::visit([&error](auto& each) { each.done(error); }, request);
}

bool JobReader::step(MonoTime wait_until) {
    auto requests = queue_.pop_all(options_.batch_max, wait_until);
    if (requests.empty()) return false;
    std::vector<Get> gets;
    std::vector<Find> finds;
    for (auto& request : requests) {
        if (auto* get = std::get_if<Get>(&request)) {
            gets.push_back(std::move(*get));
        } else {
            finds.push_back(std::get<Find>(std::move(request)));
        }
    }
    if (!finds.empty()) serve(finds);
    serve_all(std::move(gets));
    return true;
}

void JobReader::serve_all(std::vector<Get> requests) {
    using Order = decltype(order_of({}));
    std::map<Order, std::vector<Get>> groups;
    for (auto& request : requests) {
        auto& group = groups[order_of(request.fields)];
        const bool is_small = order_of(request.fields) == Order{};
        group.push_back(std::move(request));
        if (!is_small && group.size() == options_.payload_batch_max) {
            serve(std::exchange(group, {}));
        }
    }
    for (auto& [order, group] : groups) {
        if (!group.empty()) serve(std::move(group));
    }
}

void JobReader::serve(const std::vector<Find>& requests) {
    std::vector<std::string> client_ids;
    client_ids.reserve(requests.size());
    for (const auto& request : requests) client_ids.push_back(request.client_id);
    const auto found = store_.job_find(client_ids);
    std::unordered_map<std::string, JobId> jobs;
    if (found) jobs.insert(found->begin(), found->end());
    for (const auto& request : requests) {
        const auto job = jobs.find(request.client_id);
        if (!found) {
            request.done(found.error());
        } else if (job != jobs.end()) {
            request.done(job->second);
        } else {
            request.done(Error{ErrorCode::kNotFound, "There is no job " + request.client_id + "."});
        }
    }
}

void JobReader::run() {
    while (!queue_.closed() || queue_.size() > 0) step(runtime::kNoDeadline);
}

void JobReader::serve(std::vector<Get> requests) {
    std::unordered_map<JobId, std::vector<service::Callback<Result<storage::JobRecord>>>> waiting;
    for (auto& request : requests) waiting[request.id].push_back(std::move(request.done));
    std::vector<JobId> ids;
    ids.reserve(waiting.size());
    for (const auto& [id, callbacks] : waiting) ids.push_back(id);

    const auto start = clock_.now();
    auto jobs = store_.job_get(ids, requests.front().fields);
    telemetry::observe<Metric::kQuerySeconds>(clock_.now() - start);
    telemetry::observe_size<Metric::kQueryBatchJobs>(ids.size());
    if (jobs) {
        for (auto& job : *jobs) {
            auto answered = waiting.extract(job.id);
            auto& callbacks = answered.mapped();
            const auto last = std::move(callbacks.back());
            callbacks.pop_back();
            for (const auto& done : callbacks) done(job);
            last(std::move(job));
        }
    }
    for (const auto& [id, callbacks] : waiting) {
        const auto error =
            jobs ? Error{ErrorCode::kNotFound, "There is no job " + id.str() + "."} : jobs.error();
        for (const auto& done : callbacks) done(error);
    }
}

}  // namespace millrace::reads

#include "producer/scans/scans.h"

#include <algorithm>
#include <iterator>

#include "common/job/job_state.h"
#include "producer/reads/refusal.h"

namespace millrace::scans {

Scans::Scans(ScansOptions options, const Clock& clock, storage::JobStore& store,
             events::Announcer& announcer, commands::Retries& retries)
    : options_(options),
      clock_(clock),
      store_(store),
      announcer_(announcer),
      retries_(retries),
      queue_(options.queue_max) {}

void Scans::list(storage::JobFilter filter, service::Callback<Result<service::JobList>> done) {
    enqueue(List{std::move(filter), std::move(done), clock_.now()});
}

void Scans::count(storage::JobFilter filter, std::int64_t most,
                  service::Callback<Result<service::JobCount>> done) {
    enqueue(Count{std::move(filter), most, std::move(done), clock_.now()});
}

void Scans::cancel_matching(storage::JobFilter filter,
                            service::Callback<Result<service::CancelTotals>> done) {
    enqueue(CancelMatching{std::move(filter), std::move(done), clock_.now()});
}

void Scans::retry(std::vector<JobId> ids, service::Callback<Result<service::RetryPage>> done) {
    Retry scan{std::move(ids), std::move(done)};
    if (retries_.waiting() >= options_.queue_max) return scan.done(reads::refusal_of(queue_));
    enqueue(std::move(scan));
}

void Scans::retry_matching(storage::JobFilter filter,
                           service::Callback<Result<service::RetryPage>> done) {
    const auto take = [this, done = std::move(done)](const Result<service::JobList>& page) {
        if (!page) return done(page.error());
        Retry listed{.done = done, .page = {.next = page->next}};
        for (const auto& job : page->jobs) listed.ids.push_back(job.id);
        if (listed.ids.empty()) return done(std::move(listed.page));
        serve(listed);
    };
    enqueue(List{commands::Retries::narrowed(std::move(filter)), take, clock_.now()});
}

void Scans::enqueue(Request request) {
    if (queue_.try_push(request)) return;
    std::visit([this](auto& each) { each.done(reads::refusal_of(queue_)); }, request);
}

template <class Scan, class Stop>
void Scans::go_on(Scan& scan, const Stop& stop) {
    if (queue_.closed() || under_way_.size() >= options_.queue_max) {
        return stop(reads::refusal_of(queue_));
    }
    under_way_.push_back(std::move(scan));
}

std::optional<Scans::Request> Scans::next_request(MonoTime wait_until) {
    new_ones_turn_ = !new_ones_turn_;
    if (under_way_.empty()) return queue_.pop(wait_until);
    if (new_ones_turn_) {
        if (auto request = queue_.pop(MonoTime::min())) return request;
    }
    auto request = std::move(under_way_.front());
    under_way_.pop_front();
    return request;
}

bool Scans::step(MonoTime wait_until) {
    auto request = next_request(wait_until);
    if (!request) return false;
    std::visit([this](auto& each) { serve(each); }, *request);
    return true;
}

void Scans::run() {
    while (!queue_.closed() || queue_.size() > 0 || !under_way_.empty()) {
        step(runtime::kNoDeadline);
    }
}

void Scans::serve(List& scan) {
    auto& [jobs, next] = scan.page;
    // The matches so far are a page, even if a short one. An error would leave the caller where it
    // was.
    const auto stop = [&scan](const Error& error) {
        if (scan.page.jobs.empty()) return scan.done(error);
        scan.done(std::move(scan.page));
    };
    auto found = store_.job_list(scan.filter, options_.look_max);
    if (!found) return stop(found.error());
    std::ranges::move(found->jobs, std::back_inserter(jobs));
    scan.filter.limit -= static_cast<int>(found->jobs.size());
    next = found->next;
    if (found->has_more) next = jobs.empty() ? scan.filter.after : jobs.back().id;
    if (found->has_more || !next || is_over(scan.since, options_.time_max)) {
        return scan.done(std::move(scan.page));
    }
    scan.filter.after = next;
    go_on(scan, stop);
}

void Scans::serve(Count& scan) {
    const auto found = store_.job_count(scan.filter, options_.look_max);
    if (!found) return scan.done(found.error());
    scan.so_far.matching += found->matching;
    scan.so_far.next = found->next;
    const bool is_enough = scan.so_far.matching >= scan.most;
    if (!found->next || is_enough || is_over(scan.since, options_.time_max)) {
        return scan.done(scan.so_far);
    }
    scan.filter.after = found->next;
    go_on(scan, [&scan](const Error& error) { scan.done(error); });
}

void Scans::serve(CancelMatching& scan) {
    auto& [filter, done, since, totals] = scan;
    auto page_filter = filter;
    page_filter.limit = std::min(filter.limit, options_.batch_max);
    const auto page = store_.job_cancel_matching(page_filter, options_.look_max);
    const auto stop = [&scan](const Error& error) {
        const auto& so_far = scan.totals;
        if (so_far.cancelled + so_far.cancelling > 0) return scan.done(so_far);
        scan.done(error);
    };
    if (!page) return stop(page.error());
    announcer_.cancelled(page->jobs);
    for (const auto& job : page->jobs) {
        ++(job.state == JobState::kCancelling ? totals.cancelling : totals.cancelled);
    }
    filter.limit -= static_cast<int>(page->jobs.size());
    filter.after = totals.next = page->next;
    const bool has_some = totals.cancelled + totals.cancelling > 0;
    const auto time_max = has_some ? options_.cancel_time_max : options_.time_max;
    if (!page->next || filter.limit == 0 || is_over(since, time_max)) return done(totals);
    go_on(scan, stop);
}

void Scans::serve(Retry& scan) {
    if (!retries_.has_room()) {
        return retries_.when_room([this, scan = std::move(scan)] { return go_on(scan); });
    }
    const auto size = std::min(options_.retry_batch_max, scan.ids.size());
    const auto end = scan.ids.begin() + static_cast<std::ptrdiff_t>(size);
    const std::vector<JobId> ids(scan.ids.begin(), end);
    retries_.retry(store_, ids,
                   [this, scan = std::move(scan), size](const Result<service::RetryPage>& retried) {
                       take(scan, size, retried);
                   });
}

// Runs where submissions are answered. The rest goes back to the caller of step().
void Scans::take(Retry scan, std::size_t asked, const Result<service::RetryPage>& retried) {
    auto& jobs = scan.page.jobs;
    // If there are no results at all, the error is the answer.
    if (!retried && jobs.empty()) return scan.done(retried.error());
    if (retried) {
        jobs.insert(jobs.end(), retried->jobs.begin(), retried->jobs.end());
        scan.drop(retried->jobs.size());
    } else {
        scan.fail(asked, retried.error());
    }
    if (scan.ids.empty()) return scan.done(std::move(scan.page));
    go_on(std::move(scan));
}

// From any thread, so it queues up as a new scan would.
bool Scans::go_on(Retry scan) {
    Request rest = std::move(scan);
    if (queue_.try_push(rest)) return true;
    auto& refused = std::get<Retry>(rest);
    const auto error = reads::refusal_of(queue_);
    if (refused.page.jobs.empty()) {
        refused.done(error);
    } else {
        refused.fail(refused.ids.size(), error);
        refused.done(std::move(refused.page));
    }
    return false;
}

void Scans::Retry::drop(std::size_t first) {
    ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(first));
}

void Scans::Retry::fail(std::size_t first, const Error& error) {
    for (std::size_t i = 0; i < first; ++i) {
        page.jobs.push_back({ids[i], service::SubmitError{error, {}}});
    }
    drop(first);
}

}  // namespace millrace::scans

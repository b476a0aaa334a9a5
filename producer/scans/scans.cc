#include "producer/scans/scans.h"

#include <fmt/format.h>

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
    enqueue(List{std::move(filter), std::move(done)});
}

void Scans::count(storage::JobFilter filter, std::int64_t most,
                  service::Callback<Result<std::int64_t>> done) {
    enqueue(Count{std::move(filter), most, std::move(done)});
}

void Scans::cancel_matching(storage::JobFilter filter,
                            service::Callback<Result<service::CancelTotals>> done) {
    enqueue(CancelMatching{std::move(filter), std::move(done)});
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
        Retry listed{.done = done, .page = {.has_more = page->has_more}};
        for (const auto& job : page->jobs) listed.ids.push_back(job.id);
        serve(listed);
    };
    enqueue(List{commands::Retries::narrowed(std::move(filter)), take, true});
}

void Scans::enqueue(Request request) {
    if (queue_.try_push(request)) return;
    std::visit([this](auto& each) { each.done(reads::refusal_of(queue_)); }, request);
}

Error Scans::too_much() const {
    return {
        ErrorCode::kDeadlineExceeded,
        fmt::format("The search was not finished after {} ms (query.scan_time_max). Narrow the "
                    "filter; a status leaves out either the open jobs or those that have ended.",
                    options_.time_max.count())};
}

template <class Scan, class Stop>
void Scans::go_on(Scan& scan, const Stop& stop) {
    Request rest = std::move(scan);
    if (queue_.try_push(rest)) return;
    scan = std::move(std::get<Scan>(rest));
    stop(reads::refusal_of(queue_));
}

bool Scans::step(MonoTime wait_until) {
    auto request = queue_.pop(wait_until);
    if (!request) return false;
    std::visit([this](auto& each) { serve(each); }, *request);
    return true;
}

void Scans::run() {
    while (!queue_.closed() || queue_.size() > 0) step(runtime::kNoDeadline);
}

// A scan whose matches will be changed stops early only once it has found one, so that repeated
// calls make progress: otherwise the next call would skip the same jobs for just as long.
void Scans::serve(List& scan) {
    if (!scan.until && !scan.must_find) scan.until = clock_.now() + options_.time_max;
    auto found = store_.job_list(scan.filter, options_.look_max);
    auto& [jobs, has_more] = scan.page;
    // The matches so far are a page, even if a short one. An error would leave the caller where it
    // was.
    const auto stop = [&scan](const Error& error) {
        if (scan.page.jobs.empty()) return scan.done(error);
        scan.page.has_more = true;
        scan.done(std::move(scan.page));
    };
    if (!found) return stop(found.error());
    std::ranges::move(found->jobs, std::back_inserter(jobs));
    scan.filter.limit -= static_cast<int>(found->jobs.size());
    has_more = found->has_more;
    if (has_more || !found->next) return scan.done(std::move(scan.page));
    scan.filter.after = found->next;
    if (!scan.until && !jobs.empty()) scan.until = clock_.now() + options_.time_max;
    if (scan.until && clock_.now() >= *scan.until) return stop(too_much());
    go_on(scan, stop);
}

void Scans::serve(Count& scan) {
    if (!scan.until) scan.until = clock_.now() + options_.time_max;
    const auto found = store_.job_count(scan.filter, options_.look_max);
    if (!found) return scan.done(found.error());
    scan.so_far += found->matching;
    if (!found->next || scan.so_far >= scan.most) {
        return scan.done(std::min(scan.so_far, scan.most));
    }
    scan.filter.after = found->next;
    if (clock_.now() >= *scan.until) return scan.done(too_much());
    go_on(scan, [&scan](const Error& error) { scan.done(error); });
}

// Stops early only once it has changed something, so that repeated calls make progress.
void Scans::serve(CancelMatching& scan) {
    auto& [filter, done, until, totals] = scan;
    auto page_filter = filter;
    page_filter.limit = std::min(filter.limit, options_.batch_max);
    const auto page = store_.job_cancel_matching(page_filter, options_.look_max);
    const auto stop = [&scan](const Error& error) {
        auto& so_far = scan.totals;
        so_far.has_more = true;
        if (so_far.cancelled + so_far.cancelling > 0) return scan.done(so_far);
        scan.done(error);
    };
    if (!page) return stop(page.error());
    announcer_.cancelled(page->jobs);
    // The time begins with the first match. Otherwise a call that has skipped many jobs would stop
    // at once, and the next one would skip them again.
    const bool is_first = totals.cancelled + totals.cancelling == 0 && !page->jobs.empty();
    if (is_first) until = clock_.now() + options_.cancel_time_max;
    for (const auto& job : page->jobs) {
        ++(job.state == JobState::kCancelling ? totals.cancelling : totals.cancelled);
    }
    filter.limit -= static_cast<int>(page->jobs.size());
    filter.after = page->next;
    const bool is_late = clock_.now() >= until && totals.cancelled + totals.cancelling > 0;
    if (!page->next || filter.limit == 0 || is_late) {
        totals.has_more = page->next.has_value();
        return done(totals);
    }
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

bool Scans::go_on(Retry scan) {
    bool goes_on = true;
    go_on(scan, [&](const Error& error) {
        goes_on = false;
        if (scan.page.jobs.empty()) return scan.done(error);
        scan.fail(scan.ids.size(), error);
        scan.done(std::move(scan.page));
    });
    return goes_on;
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

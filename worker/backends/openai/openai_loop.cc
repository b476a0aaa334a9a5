#include "worker/backends/openai/openai_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/telemetry/telemetry.h"
#include "worker/backends/openai/endpoint_error.h"
#include "worker/backends/outcomes.h"
#include "worker/backends/serving/server_text.h"

namespace millrace::backends::openai {

using serving::pool::BreakerState;
using telemetry::Metric;

namespace {

// How long a job waits here while its endpoints are all out and others are not. Short, so that it
// does not delay jobs of other models.
constexpr milliseconds kPatienceWhenOut{250};
// The same while its endpoints are full, or all endpoints are out: a job that waits here starts as
// soon as that is over.
constexpr milliseconds kPatience{30'000};
// No job waits until its deadline: that would cost an attempt that never began.
constexpr milliseconds kDeadlineMargin{1'000};
// How often to look at the line: breakers and rests end without an event.
constexpr milliseconds kLookInterval{50};

// The expected length of an answer is the third quartile of those so far: an estimate that is too
// low would overfill a server, one that is too high only delays. 256 is a guess for the first.
constexpr double kOutputTokensFirst = 256;
constexpr double kOutputQuantile = 0.75;

}  // namespace

OpenAiLoop::OpenAiLoop(LoopOptions options, std::vector<Endpoint> endpoints, ExecutionSink& sink)
    : options_(std::move(options)),
      sink_(sink),
      headers_(serving::make_headers(options_.api_key, "application/json")),
      transfer_options_{.connect = options_.connect,
                        .output_bytes_max = options_.output_bytes_max,
                        .headers = headers_.get()},
      endpoints_(std::move(endpoints)),
      multi_(curl_multi_init()),
      pool_(capacities_of(endpoints_), system_random()),
      queues_(endpoints_, headers_.get(), options_.connect, system_random()),
      shown_(endpoints_.size(), BreakerState::kClosed),
      output_tokens_(kOutputQuantile, kOutputTokensFirst),
      served_at_(endpoints_.size(), MonoTime::min()) {
    CHECK(multi_);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS,
                      static_cast<long>(options_.connections_max));
    find_serving();
    thread_ = runtime::Thread("openai", [this](const std::stop_token&) { loop(); });
}

void OpenAiLoop::run(std::vector<Execution> batch) {
    if (!inbox_.post(batch)) return refuse(sink_, batch);
    curl_multi_wakeup(multi_.get());
}

void OpenAiLoop::abort(const Inbox::Abort& abort) {
    inbox_.post(abort);
    curl_multi_wakeup(multi_.get());
}

void OpenAiLoop::serve(std::vector<Endpoint> endpoints) {
    CHECK(endpoints.size() == shown_.size());
    {
        const MutexLock lock(mutex_);
        news_ = std::move(endpoints);
    }
    curl_multi_wakeup(multi_.get());
}

void OpenAiLoop::adopt() {
    std::optional<std::vector<Endpoint>> news;
    {
        const MutexLock lock(mutex_);
        news = std::exchange(news_, std::nullopt);
    }
    if (!news) return;
    endpoints_ = *std::move(news);
    for (EndpointIndex i = 0; i < endpoints_.size(); ++i) {
        pool_.resize(i, endpoints_[i].capacity.slots);
        queues_.ask_for(i, endpoints_[i].profile->queue_metric);
    }
    find_serving();
    look_at_ = MonoTime::min();
}

void OpenAiLoop::find_serving() {
    serving_.clear();
    for (EndpointIndex i = 0; i < endpoints_.size(); ++i) {
        if (!endpoints_[i].models.empty()) serving_.push_back(i);
        show(i);
    }
}

void OpenAiLoop::stop() {
    inbox_.close();
    curl_multi_wakeup(multi_.get());
    thread_.join();
}

void OpenAiLoop::loop() {
    for (bool closed = false; !closed;) {
        adopt();
        auto news = inbox_.take();
        closed = news.closed;
        for (auto& batch : news.batches) {
            for (auto& execution : batch) take(std::move(execution));
        }
        for (const auto& [key, reason] : news.aborts) close(key, reason);
        int running = 0;
        curl_multi_perform(multi_.get(), &running);
        collect();
        close_late_ones();
        watch_queues();
        if (system_clock().now() >= look_at_) place_all();
        if (!closed) curl_multi_poll(multi_.get(), nullptr, 0, wait_ms(), nullptr);
    }
    while (!transfers_.empty()) close(transfers_.begin()->first, AbortReason::kInterrupted);
    queues_.close(multi_.get());
}

void OpenAiLoop::take(Execution execution) {
    const auto key = execution.job.key;
    const auto& spec = execution.job.spec;
    if (!serves(spec.model)) return sink_.finished(key, model_gone(spec.model));
    auto outlined = outline_request(spec.input_json);
    if (!outlined.has_value()) {
        return sink_.finished(key, invalid_input(outlined.error().message));
    }
    auto transfer = std::make_unique<Transfer>(std::move(execution), *std::move(outlined),
                                               transfer_options_, sink_);
    const auto& outline = transfer->outline();
    const auto expected = static_cast<std::int64_t>(output_tokens_.value());
    const auto output = std::min(outline.output_tokens_max.value_or(expected), expected);
    transfer->plan = {.tokens = std::max<std::int64_t>(outline.prompt_tokens + output, 1),
                      .prefix = outline.prefix};
    line_up(*transfer);
    transfers_.emplace(key, std::move(transfer));
}

bool OpenAiLoop::serves(const std::string& model) const {
    return std::ranges::any_of(
        endpoints_, [&](const Endpoint& endpoint) { return endpoint.models.contains(model); });
}

// Takes the key by value: the caller's may be the one in the map.
void OpenAiLoop::close(AttemptKey key, AbortReason reason) {
    const auto found = transfers_.find(key);
    if (found == transfers_.end()) return;
    auto& transfer = *found->second;
    if (transfer.call && reason != AbortReason::kCancelled && transfer.is_whole()) {
        return finish(transfer, CURLE_OK);
    }
    if (transfer.call) {
        // An endpoint has failed if it sent nothing during a whole attempt.
        const bool is_mute =
            reason == AbortReason::kDeadline && transfer.streams() && !transfer.has_output();
        end_call(transfer, {.result = is_mute ? CallResult::kFailed : CallResult::kAborted});
    } else {
        std::erase(line_, &transfer);
    }
    // The server has answered: the outages that the job met before no longer count.
    if (transfer.has_output()) outages_.forget(key.job);
    report(transfer, aborted_outcome(reason));
}

void OpenAiLoop::collect() {
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi_.get(), &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        // Removing the handle invalidates the message.
        const auto code = message->data.result;
        if (queues_.owns(message->easy_handle)) {
            const auto answer = queues_.take(message->easy_handle, code, multi_.get());
            pool_.queued(answer.endpoint, answer.waiting, answer.asked, system_clock().now());
            telemetry::set<Metric::kEndpointQueue>(answer.waiting,
                                                   endpoints_[answer.endpoint].name);
            continue;
        }
        char* pointer = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &pointer);
        finish(*reinterpret_cast<Transfer*>(pointer), code);
    }
}

void OpenAiLoop::watch_queues() {
    const auto now = system_clock().now();
    for (EndpointIndex i = 0; i < endpoints_.size(); ++i) {
        if (pool_.view(i, now).in_flight > 0) queues_.ask(i, multi_.get(), now);
    }
}

void OpenAiLoop::finish(Transfer& transfer, CURLcode code) {
    auto outcome = transfer.outcome(code, endpoints_[transfer.endpoint()]);
    serving::redact(outcome.error_message, options_.api_key);
    const auto result = transfer.result(code, outcome);
    if (const auto tokens = outcome.usage.completion_tokens.value_or(0); tokens > 0) {
        output_tokens_.observe(static_cast<double>(tokens));
    }
    end_call(transfer, {.result = result,
                        .tokens = outcome.usage.total_tokens(),
                        .retry_after = outcome.retry_after});
    outcome = weigh_outage(transfer, result, std::move(outcome));
    // A job that may have ended one server does not go on to the next.
    const bool has_no_place = outcome.kind == OutcomeKind::kRateLimited && !is_unanswered(outcome);
    if (has_no_place && !transfer.has_output() && !candidates(transfer).empty()) {
        transfer.refusal = std::move(outcome);
        return line_up(transfer);
    }
    report(transfer, std::move(outcome));
}

Outcome OpenAiLoop::weigh_outage(const Transfer& transfer, CallResult result, Outcome outcome) {
    const auto now = system_clock().now();
    const auto job = transfer.key().job;
    auto& served_at = served_at_[transfer.endpoint()];
    if (result == CallResult::kServed) served_at = now;
    // If the endpoint answers nobody else properly either, the odd answer is not the job's fault.
    const bool is_endpoints_fault = result == CallResult::kOdd &&
                                    outcome.kind == OutcomeKind::kRetryable &&
                                    pool_.view(transfer.endpoint(), now).is_odd;
    if (may_lack_the_route(outcome, transfer.status()) && candidates(transfer).empty() &&
        outages_.is_alone_with_them(job, served_at)) {
        return lacks_the_route(std::move(outcome), transfer.status());
    }
    if (is_unanswered(outcome)) {
        return outages_.weigh_unanswered(std::move(outcome), transfer.key(), served_at, now);
    }
    if (is_endpoints_fault || is_outage(outcome)) {
        return outages_.waited_out(std::move(outcome), transfer.key(), now);
    }
    if (outcome.kind != OutcomeKind::kRateLimited) outages_.forget(job);
    return outcome;
}

void OpenAiLoop::close_late_ones() {
    const auto now = system_clock().now();
    std::vector<AttemptKey> late;
    std::vector<Transfer*> whole;
    std::vector<Transfer*> silent;
    for (const auto& [key, transfer] : transfers_) {
        if (transfer->execution().deadline <= now) {
            late.push_back(key);
        } else if (transfer->call && transfer->ends_at() <= now) {
            whole.push_back(transfer.get());
        } else if (transfer->call && transfer->streams() &&
                   transfer->heard_at() + options_.stall_timeout <= now) {
            silent.push_back(transfer.get());
        }
    }
    for (auto* transfer : whole) finish(*transfer, CURLE_OK);
    for (const auto& key : late) close(key, AbortReason::kDeadline);
    for (auto* transfer : silent) give_up_silent(*transfer);
}

void OpenAiLoop::give_up_silent(Transfer& transfer) {
    if (transfer.is_whole()) return finish(transfer, CURLE_OK);
    const auto& endpoint = endpoints_[transfer.endpoint()];
    end_call(transfer, {.result = CallResult::kFailed});
    report(transfer, endpoint_stalled(endpoint.name, options_.stall_timeout));
}

// The time to the next deadline; curl wakes up by itself for its own events.
int OpenAiLoop::wait_ms() const {
    constexpr milliseconds kIdle{60'000};
    const auto now = system_clock().now();
    auto next = std::min(now + kIdle, look_at_);
    if (queues_.is_on() && !transfers_.empty()) next = std::min(next, now + QueueWatch::kInterval);
    for (const auto& [_, transfer] : transfers_) {
        next = std::min(next, transfer->execution().deadline);
        if (!transfer->call) continue;
        next = std::min(next, transfer->ends_at());
        if (!transfer->streams()) continue;
        next = std::min(next, transfer->heard_at() + options_.stall_timeout);
    }
    return static_cast<int>(std::chrono::ceil<milliseconds>(std::max(next, now) - now).count());
}

// --- The line -----------------------------------------------------------------------------------

void OpenAiLoop::line_up(Transfer& transfer) {
    transfer.waits_since = system_clock().now();
    // A refused job has waited already, so it goes before others of its priority.
    const auto priority = [](const Transfer* one) { return one->execution().job.spec.priority; };
    const auto place = transfer.refusal
                           ? std::ranges::lower_bound(line_, priority(&transfer), {}, priority)
                           : std::ranges::upper_bound(line_, priority(&transfer), {}, priority);
    line_.insert(place, &transfer);
    look_at_ = MonoTime::min();
}

void OpenAiLoop::place_all() {
    const auto now = system_clock().now();
    for (const auto& [_, transfer] : transfers_) {
        if (transfer->call) pool_.grow(*transfer->call, transfer->tokens());
    }
    // A report may bring in new jobs, but these go to the inbox: `line_` does not change meanwhile.
    std::erase_if(line_, [&](Transfer* transfer) { return place(*transfer, now); });
    look_at_ = line_.empty() ? MonoTime::max() : now + kLookInterval;
}

// Returns true if the transfer no longer waits; it may be destroyed then.
bool OpenAiLoop::place(Transfer& transfer, MonoTime now) {
    const auto left = candidates(transfer);
    if (const auto index = pool_.choose(transfer.plan, left, now)) {
        open(transfer, *index, now);
        return true;
    }
    if (const auto& model = transfer.execution().job.spec.model; !serves(model)) {
        report(transfer, model_gone(model));
        return true;
    }
    const auto wait = pool_.available_in(left, now);
    const bool is_out = wait > milliseconds(0);
    const bool others_work = pool_.available_in(serving_, now) == milliseconds(0);
    const auto waited = now - transfer.waits_since;
    const bool is_late = is_out && transfer.execution().deadline - now < kDeadlineMargin;
    if (waited < kPatienceWhenOut || (waited < kPatience && !(is_out && others_work) && !is_late)) {
        return false;
    }
    report(transfer, transfer.refusal ? *std::move(transfer.refusal) : no_place(wait));
    return true;
}

std::vector<EndpointIndex> OpenAiLoop::candidates(const Transfer& transfer) const {
    std::vector<EndpointIndex> indices;
    const auto& model = transfer.execution().job.spec.model;
    for (EndpointIndex i = 0; i < endpoints_.size(); ++i) {
        if (endpoints_[i].models.contains(model) && !transfer.tried(i)) indices.push_back(i);
    }
    return indices;
}

void OpenAiLoop::open(Transfer& transfer, EndpointIndex index, MonoTime now) {
    const auto& endpoint = endpoints_[index];
    const auto& job = transfer.execution().job;
    auto request =
        make_endpoint_request(job.spec.input_json, transfer.outline(),
                              {.model = endpoint.models.at(job.spec.model),
                               .profile = *endpoint.profile,
                               .id = fmt::format("{}-{}", job.key.job.str(), job.key.epoch)});
    if (!request.has_value()) return report(transfer, invalid_input(request.error().message));
    const auto call = pool_.begin(index, transfer.plan, now);
    transfer.call = call;
    const auto on_output = [this, call, index] {
        pool_.answer(call, system_clock().now());
        show(index);
    };
    auto* handle = transfer.open(index, endpoint, *std::move(request), now, on_output);
    CHECK(curl_multi_add_handle(multi_.get(), handle) == CURLM_OK);
    show(index);
}

// --- The ends -----------------------------------------------------------------------------------

void OpenAiLoop::end_call(Transfer& transfer, const CallEnd& how) {
    const auto index = transfer.endpoint();
    // In the middle of an answer this closes the connection.
    curl_multi_remove_handle(multi_.get(), transfer.handle());
    pool_.end(*std::exchange(transfer.call, std::nullopt), how, system_clock().now());
    telemetry::count<Metric::kEndpointCalls>(1, endpoints_[index].name, name(how.result));
    show(index);
    if (!line_.empty()) look_at_ = MonoTime::min();
}

void OpenAiLoop::report(Transfer& transfer, Outcome outcome) {
    const auto key = transfer.key();
    transfers_.erase(key);
    sink_.finished(key, std::move(outcome));
}

void OpenAiLoop::show(EndpointIndex index) {
    const auto& name = endpoints_[index].name;
    const auto view = pool_.view(index, system_clock().now());
    telemetry::set<Metric::kEndpointInFlight>(view.in_flight, name);
    telemetry::set<Metric::kEndpointLimit>(view.limit, name);
    telemetry::set<Metric::kEndpointBreaker>(static_cast<int>(view.breaker), name);
    if (std::exchange(shown_[index], view.breaker) == view.breaker) return;
    if (view.breaker == BreakerState::kOpen) {
        log_warning("model endpoint has failed and is not used for a while",
                    {{"endpoint", name}, {"ms", view.open_for.count()}});
    } else if (view.breaker == BreakerState::kClosed) {
        log_info("model endpoint works again", {{"endpoint", name}});
    }
}

}  // namespace millrace::backends::openai

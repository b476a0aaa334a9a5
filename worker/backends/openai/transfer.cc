#include "worker/backends/openai/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/http/curl_rules.h"
#include "worker/backends/openai/endpoint_error.h"
#include "worker/backends/outcomes.h"

namespace millrace::backends::openai {
namespace {

constexpr std::size_t kErrorBodyBytesMax = 64 << 10;
// The size of an event besides its text: ids, names, log probabilities.
constexpr std::size_t kEventOverheadBytes = 1 << 20;
// How long the connection may take to end after [DONE]. Nearly all servers end the answer at once,
// and the connection can be used again.
constexpr milliseconds kClosePatience{100};
// How long [DONE] may take after the usage, which is the last thing that a server sends.
constexpr milliseconds kDonePatience{2'000};
// How long an account without money rests before it is asked again.
constexpr milliseconds kQuotaRest{60'000};

}  // namespace

Transfer::Transfer(Execution execution, RequestOutline outline, const TransferOptions& options,
                   ExecutionSink& sink)
    : execution_(std::move(execution)),
      outline_(std::move(outline)),
      options_(options),
      sink_(sink) {}

CURL* Transfer::open(EndpointIndex index, const Endpoint& endpoint, EndpointRequest request,
                     MonoTime now, std::function<void()> on_output) {
    CHECK(!has_output());
    endpoint_ = index;
    tried_.push_back(index);
    request_ = std::move(request);
    opened_at_ = now;
    heard_at_ = now;
    on_output_ = std::move(on_output);
    answer_.emplace(options_.output_bytes_max + kEventOverheadBytes);
    handle_ = serving::make_handle(fmt::format("{}{}", endpoint.base_url, request_.path),
                                   options_.headers, options_.connect);
    serving::set_body(handle(), request_.body);
    http::set_option(handle(), CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    http::set_option(handle(), CURLOPT_WRITEDATA, static_cast<void*>(this));
    http::set_option(handle(), CURLOPT_PRIVATE, static_cast<void*>(this));
    return handle();
}

bool Transfer::tried(EndpointIndex endpoint) const {
    return std::find(tried_.begin(), tried_.end(), endpoint) != tried_.end();
}

std::size_t Transfer::on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    const std::string_view part(bytes, size * count);
    return static_cast<Transfer*>(self)->take(part) ? part.size() : 0;
}

bool Transfer::take(std::string_view bytes) {
    heard_at_ = system_clock().now();
    auto& answer = *answer_;
    if (!answer.is_stream) {
        // Some servers send a stream as application/json, JSON as text/event-stream, or spaces to
        // keep the connection alive. Therefore the first character decides, after white space and a
        // byte order mark.
        constexpr std::string_view kSkipped = " \r\n\t\xEF\xBB\xBF";
        bytes.remove_prefix(std::min(bytes.find_first_not_of(kSkipped), bytes.size()));
        if (bytes.empty()) return true;
        const bool has_choices =
            outline_.kind == RequestKind::kChat || outline_.kind == RequestKind::kCompletion;
        constexpr std::string_view kNoStream = "{[\"<";
        answer.is_stream = has_choices && status() < 300 &&
                           kNoStream.find(bytes.front()) == std::string_view::npos;
        if (*answer.is_stream) answer.assembler.emplace(expected());
    }
    return *answer.is_stream ? take_events(bytes) : take_body(bytes);
}

bool Transfer::take_events(std::string_view bytes) {
    auto& answer = *answer_;
    std::vector<http::ServerEvent> events;
    std::string partial;
    const bool fits = answer.events.feed(bytes, events);
    if (!fits) answer.verdict = output_too_large(options_.output_bytes_max);
    const auto took = std::chrono::duration_cast<milliseconds>(heard_at_ - opened_at_);
    for (std::size_t i = 0; i < events.size() && !answer.verdict; ++i) {
        answer.verdict = answer.assembler->add(events[i], partial, took);
    }
    // Partial text that came with an output that is too large is not shown either.
    if (answer.verdict) return false;
    const bool is_first = answer.events_seen == 0 && !events.empty();
    answer.events_seen += static_cast<std::int64_t>(events.size());
    if (is_first) on_output_();
    if (!partial.empty()) sink_.partial(key(), partial);
    const auto end = answer.assembler->end();
    if (std::exchange(answer.end, end) != end) answer.end_seen_at = heard_at_;
    return true;
}

bool Transfer::take_body(std::string_view bytes) {
    const bool is_error = status() >= 300;
    const auto max = is_error ? kErrorBodyBytesMax : options_.output_bytes_max;
    if (answer_->body.size() + bytes.size() <= max) {
        answer_->body += bytes;
        return true;
    }
    if (!is_error) answer_->verdict = output_too_large(max);
    return false;
}

bool Transfer::is_whole() const {
    if (!answer_ || answer_->verdict || status() >= 300) return false;
    if (answer_->assembler) return answer_->end != Assembler::End::kOpen;
    return !answer_->body.empty() &&
           unstreamed_outcome(expected(), answer_->body).kind == OutcomeKind::kCompleted;
}

MonoTime Transfer::ends_at() const {
    if (!answer_ || !answer_->assembler) return MonoTime::max();
    switch (answer_->end) {
        case Assembler::End::kOpen:
        case Assembler::End::kFinished:
            return MonoTime::max();
        case Assembler::End::kCounted:
            return answer_->end_seen_at + kDonePatience;
        case Assembler::End::kDone:
            return answer_->end_seen_at + kClosePatience;
    }
    CHECK(false);
}

ExpectedAnswer Transfer::expected() const {
    return {.kind = outline_.kind,
            .count = outline_.answers,
            .output_bytes_max = options_.output_bytes_max};
}

Outcome Transfer::outcome(CURLcode code, const Endpoint& endpoint) {
    if (answer_->verdict) return *std::move(answer_->verdict);
    if (serving::is_unreachable(code))
        return endpoint_unreachable(endpoint.name, http::reason_of(handle_.get(), code, "ca_file"));
    if (status() >= 300) return outcome_of_error(*endpoint.profile);
    if (answer_->assembler) return outcome_of_stream(code == CURLE_OK);
    if (code == CURLE_OK) {
        return unstreamed_outcome(expected(), answer_->body, serving::took_of(handle()));
    }
    if (status() != 0) return stream_truncated();
    const auto why = fmt::format("{} did not answer: {}", endpoint.name,
                                 http::reason_of(handle(), code, "ca_file"));
    return serving::was_unanswered(handle(), code) ? unanswered(why) : connection_lost(why);
}

Outcome Transfer::outcome_of_stream(bool clean) {
    auto& answer = *answer_;
    if (const auto last = clean ? answer.events.rest() : std::nullopt) {
        std::string partial;
        ++answer.events_seen;
        // Half an event means a truncated stream, not a server that sends invalid events.
        if (auto outcome = answer.assembler->add(*last, partial, serving::took_of(handle()))) {
            return outcome->error_code == "invalid_response" ? stream_truncated()
                                                             : *std::move(outcome);
        }
    }
    if (clean && answer.events_seen == 0) {
        return invalid_response("there is no event in the stream");
    }
    return answer.assembler->outcome(clean);
}

Outcome Transfer::outcome_of_error(const Profile& profile) const {
    auto outcome = http_error_outcome({.status = status(),
                                       .body = answer_->body,
                                       .retry_after = serving::retry_after_of(handle()),
                                       .should_retry = serving::should_retry_of(handle()),
                                       .location = serving::location_of(handle()),
                                       .took = serving::took_of(handle())});
    if (profile.has_quota && outcome.error_code == "insufficient_quota") {
        outcome.retry_after = std::max(outcome.retry_after.value_or(kQuotaRest), kQuotaRest);
    }
    return outcome;
}

CallResult Transfer::result(CURLcode code, const Outcome& outcome) const {
    return call_result(outcome, status(), !serving::is_unreachable(code));
}

}  // namespace millrace::backends::openai

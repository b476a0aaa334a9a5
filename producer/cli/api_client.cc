#include "producer/cli/api_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "common/http/proxy.h"
#include "producer/cli/gateway_url.h"
#include "producer/cli/json_text.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

constexpr milliseconds kCallTimeout{60000};
constexpr std::size_t kEventBytesMax = 64 * 1024 * 1024;
// For an event stream: a comment comes every 15 seconds.
constexpr milliseconds kSilenceMax{60000};
constexpr milliseconds kPauseFirst{100};
constexpr milliseconds kPauseMax{3000};

ErrorCode code_of(int status) {
    switch (status) {
        case 404:
        case 410:
            return ErrorCode::kNotFound;
        case 409:
            return ErrorCode::kConflict;
        case 429:
            return ErrorCode::kResourceExhausted;
        case 503:
            return ErrorCode::kUnavailable;
        // From a proxy: the gateway may have accepted the request before its answer was lost.
        case 502:
        case 504:
            return ErrorCode::kOutcomeUnknown;
        default:
            return status >= 500 ? ErrorCode::kInternal : ErrorCode::kInvalidArgument;
    }
}

// The option that people typed for a field or a parameter of the API.
std::string option_of(const std::string& param) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kOptions{
        {{"policy.execution_timeout", "--timeout"},
         {"policy.start_within", "--start-within"},
         {"policy.ttl", "--ttl"},
         {"policy.max_attempts", "--max-attempts"},
         {"input.max_tokens", "--max-tokens"},
         {"run_at", "--run-at"},
         {"model", "--model"},
         {"queue", "--queue"},
         {"priority", "--priority"},
         {"created_after", "--created-after"},
         {"created_before", "--created-before"},
         {"status", "--status"},
         {"error", "--error"},
         {"Idempotency-Key", "--idempotency-key"}}};
    const auto* found =
        std::ranges::find(kOptions, param, [](const auto& row) { return row.first; });
    if (found != kOptions.end()) return std::string(found->second);
    return param.starts_with("metadata") ? "--metadata" : "";
}

// Removes " at line 1, column 97": a position in the body, which the user never wrote.
std::string without_position(std::string message) {
    const auto first = message.find(" at line ");
    const auto end = message.find(": ", std::min(first, message.size()));
    if (end != std::string::npos) message.erase(first, end - first);
    return message;
}

// Whether proxies in front of a gateway also refuse with this status, in words of their own: it
// means the same then.
bool may_be_anybodys(int status) {
    return status == 413 || status == 429 || status >= 500;
}

// Whether the body is an error of the API.
bool is_problem(const Json& json) {
    const auto error = json.is_object() ? json.find("error") : json.end();
    return json.is_object() && json.contains("detail") && error != json.end() &&
           error->is_object() && error->contains("code") && (*error)["code"].is_string();
}

bool may_pass(const Error& error) {
    return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kOutcomeUnknown;
}

}  // namespace

Error api_error(int status, const std::string& body, std::string_view url) {
    std::string message = fmt::format("the gateway answered {}", status);
    const auto json = parse_json(body);
    const auto text = [](const Json& object, const char* key) {
        const auto found = object.is_object() ? object.find(key) : object.end();
        return object.is_object() && found != object.end() && found->is_string()
                   ? found->get<std::string>()
                   : std::string();
    };
    if (const auto detail = text(json, "detail"); !detail.empty()) message = detail;
    if (!may_be_anybodys(status) && !is_problem(json)) {
        return {
            ErrorCode::kInternal,
            fmt::format("{} answered {}, but not like Millrace's API; is it a Millrace gateway?{}",
                        url, status, http::proxy_note(std::string(url)))};
    }
    if (json.is_object() && json.contains("error")) {
        const auto code = text(json["error"], "code");
        if (code == "invalid_json" || code == "json_too_deep") message = without_position(message);
        const auto option = option_of(text(json["error"], "param"));
        const auto quoted = fmt::format("`{}`", text(json["error"], "param"));
        const auto at = message.find(quoted);
        if (!option.empty() && at != std::string::npos) message.replace(at, quoted.size(), option);
    }
    return {code_of(status), message};
}

ApiClient::ApiClient(std::string_view url) : url_(gateway_url(url)) {}

Result<Answer> ApiClient::submit(std::string body, const std::string& key) {
    return post("/v1/jobs", std::move(body), key, Repeat::kKeyed);
}

Result<Answer> ApiClient::submit_batch(std::string body, const std::string& key) {
    return post("/v1/jobs:batch", std::move(body), key, Repeat::kKeyed);
}

Result<Answer> ApiClient::job(std::string_view id, std::string_view include) {
    return get(fmt::format("/v1/jobs/{}?include={}", http::percent_encode(id), include));
}

Result<Answer> ApiClient::wait(std::string_view id, std::chrono::seconds wait) {
    TRY(const auto url, url_);
    return call({.url = fmt::format("{}/v1/jobs/{}", url, http::percent_encode(id)),
                 .headers = {fmt::format("Prefer: wait={}", wait.count())}},
                Repeat::kSafe);
}

Result<Answer> ApiClient::cancel(std::string_view id) {
    return post(fmt::format("/v1/jobs/{}/cancel", http::percent_encode(id)), "", "", Repeat::kSafe);
}

Result<Answer> ApiClient::retry(std::string_view id) {
    return post(fmt::format("/v1/jobs/{}/retry", http::percent_encode(id)), "", "", Repeat::kSafe);
}

Result<Answer> ApiClient::matching(std::string_view what, const Json& filter) {
    // A repeated cancel finds what is left. The answer of a retry has ids that must not be lost.
    const bool is_safe = what == "cancel" || filter.contains("dry_run");
    return post(fmt::format("/v1/jobs:{}", what), filter.dump(), "",
                is_safe ? Repeat::kSafe : Repeat::kNever);
}

Result<Answer> ApiClient::list(std::string_view query) {
    return get(query.empty() ? "/v1/jobs" : fmt::format("/v1/jobs?{}", query));
}

Result<Answer> ApiClient::queues() {
    return get("/v1/queues");
}

Result<Answer> ApiClient::workers() {
    return get("/v1/workers");
}

Status ApiClient::events(std::string_view id,
                         const std::function<bool(const http::ServerEvent&)>& on_event) {
    TRY(const auto url, url_);
    http::SseParser parser(kEventBytesMax);
    std::vector<http::ServerEvent> events;
    bool is_garbage = false;
    const auto on_data = [&](std::string_view bytes) {
        has_answered();
        is_garbage = !parser.feed(bytes, events);
        if (is_garbage) return false;
        for (const auto& event : std::exchange(events, {})) {
            if (!on_event(event)) return false;
        }
        return true;
    };
    const auto response =
        http_.stream({.url = fmt::format("{}/v1/jobs/{}/events", url, http::percent_encode(id)),
                      .headers = {"Accept: text/event-stream"},
                      .timeout = milliseconds(0),
                      .silence_max = kSilenceMax},
                     on_data);
    if (is_garbage) {
        return Error{ErrorCode::kDataCorrupt,
                     fmt::format("an event of the job is larger than {} bytes; `millrace get {}` "
                                 "shows the job's state",
                                 kEventBytesMax, id)};
    }
    if (!response.has_value()) {
        if (response.error().code == ErrorCode::kCancelled) return ok();
        return unreachable(response.error());
    }
    if (response->status != 200) return api_error(response->status, response->body, *url_);
    return ok();
}

Result<Answer> ApiClient::post(const std::string& path, std::string body, const std::string& key,
                               Repeat repeat) {
    TRY(const auto url, url_);
    http::Request request{.method = "POST",
                          .url = url + path,
                          .headers = {"Content-Type: application/json"},
                          .body = std::move(body)};
    if (!key.empty()) request.headers.push_back(fmt::format("Idempotency-Key: {}", key));
    return call(std::move(request), repeat);
}

Result<Answer> ApiClient::get(const std::string& path) {
    TRY(const auto url, url_);
    return call({.url = url + path}, Repeat::kSafe);
}

Result<Answer> ApiClient::call(http::Request request, Repeat repeat) {
    request.timeout = kCallTimeout;
    while (true) {
        auto answer = call_once(request);
        if (answer.has_value() || repeat == Repeat::kNever || !may_pass(answer.error())) {
            return answer;
        }
        // A submission that may have arrived has an id, and its key returns it.
        const bool is_unknown =
            answer.error().code == ErrorCode::kOutcomeUnknown || is_answer_lost_;
        if (repeat == Repeat::kKeyed && is_unknown) has_answered_ = true;
        if (!wait_for_gateway()) return answer;
    }
}

Result<Answer> ApiClient::call_once(const http::Request& request) {
    const auto response = http_.send(request);
    is_answer_lost_ = !response.has_value() && http_.has_reached_server();
    if (!response.has_value()) return unreachable(response.error());
    if (response->status / 100 != 2) return api_error(response->status, response->body, *url_);
    has_answered();
    auto json = parse_json(response->body);
    if (!json.is_object()) {
        return Error{
            ErrorCode::kInternal,
            fmt::format("{} did not answer like Millrace's API; is it a Millrace gateway?", *url_)};
    }
    return Answer{response->body, std::move(json)};
}

void ApiClient::has_answered() {
    if (tries_ > 0) note("the gateway is reachable again");
    tries_ = 0;
    has_answered_ = true;
}

bool ApiClient::wait_for_gateway() {
    if (!has_answered_) return false;
    const auto now = system_clock().now();
    if (tries_ == 0) {
        away_since_ = now;
        note(fmt::format("the gateway is unreachable; trying again for {} s",
                         kGatewayPatience.count()));
    }
    const auto until = std::min(deadline_, away_since_ + kGatewayPatience);
    if (now >= until) return false;
    const auto pause = std::min(kPauseFirst * (1 << std::min(tries_, 5)), kPauseMax);
    ++tries_;
    std::this_thread::sleep_until(std::min(until, now + pause));
    return true;
}

Error ApiClient::unreachable(const Error& error) const {
    if (error.code == ErrorCode::kDeadlineExceeded) {
        return {ErrorCode::kUnavailable, fmt::format("the gateway at {} does not answer in time{}",
                                                     *url_, http::proxy_note(*url_))};
    }
    if (error.code != ErrorCode::kUnavailable) return error;
    const auto hint = has_answered_ ? ""
                                    : " Start one with `millrace up`, or name another with --url "
                                      "or MILLRACE_URL.";
    return {ErrorCode::kUnavailable,
            fmt::format("cannot reach the gateway at {} ({}).{}", *url_, error.message, hint)};
}

bool is_final(std::string_view status) {
    constexpr std::array<std::string_view, 4> kFinal{"completed", "failed", "cancelled", "expired"};
    return std::ranges::find(kFinal, status) != kFinal.end();
}

}  // namespace millrace::cli

#include "producer/cli/api_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace millrace::cli {
namespace {

constexpr milliseconds kCallTimeout{60000};
constexpr std::size_t kEventBytesMax = 64 * 1024 * 1024;

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
        case 504:
            return ErrorCode::kOutcomeUnknown;
        default:
            return status >= 500 ? ErrorCode::kInternal : ErrorCode::kInvalidArgument;
    }
}

Error api_error(const http::Response& response) {
    std::string message = fmt::format("the gateway answered {}", response.status);
    const auto body = Json::parse(response.body, nullptr, false);
    if (body.is_object()) {
        const auto detail = body.value("detail", std::string());
        if (!detail.empty()) message = detail;
    }
    return {code_of(response.status), message};
}

}  // namespace

ApiClient::ApiClient(std::string url) : url_(std::move(url)) {
    while (url_.ends_with('/')) url_.pop_back();
}

Result<Json> ApiClient::submit(const Json& job, std::string_view idempotency_key) {
    http::Request request{.method = "POST", .url = url_ + "/v1/jobs", .body = job.dump()};
    if (!idempotency_key.empty()) {
        request.headers.push_back(fmt::format("Idempotency-Key: {}", idempotency_key));
    }
    return call(std::move(request));
}

Result<Json> ApiClient::submit_batch(const Json& jobs) {
    const Json body{{"jobs", jobs}};
    TRY(auto answer, call({.method = "POST", .url = url_ + "/v1/jobs:batch", .body = body.dump()}));
    if (!answer.contains("data") || answer["data"].size() != jobs.size()) {
        return Error{ErrorCode::kInternal, "the gateway's answer does not match the batch"};
    }
    return success(std::move(answer["data"]));
}

Result<Json> ApiClient::job(std::string_view id, std::string_view include) {
    auto path = fmt::format("/v1/jobs/{}", http::percent_encode(id));
    if (!include.empty()) path += fmt::format("?include={}", include);
    return get(path);
}

Result<Json> ApiClient::wait(std::string_view id, std::chrono::seconds wait) {
    return call({.url = fmt::format("{}/v1/jobs/{}", url_, http::percent_encode(id)),
                 .headers = {fmt::format("Prefer: wait={}", wait.count())}});
}

Result<Json> ApiClient::cancel(std::string_view id) {
    return call({.method = "POST",
                 .url = fmt::format("{}/v1/jobs/{}/cancel", url_, http::percent_encode(id))});
}

Result<Json> ApiClient::retry(std::string_view id) {
    return call({.method = "POST",
                 .url = fmt::format("{}/v1/jobs/{}/retry", url_, http::percent_encode(id))});
}

Result<Json> ApiClient::retry_matching(const Json& filter) {
    return call({.method = "POST", .url = url_ + "/v1/jobs:retry", .body = filter.dump()});
}

Result<Json> ApiClient::list(std::string_view query) {
    return get(query.empty() ? "/v1/jobs" : fmt::format("/v1/jobs?{}", query));
}

Result<Json> ApiClient::queues() {
    return get("/v1/queues");
}

Result<Json> ApiClient::workers() {
    return get("/v1/workers");
}

Status ApiClient::events(std::string_view id,
                         const std::function<bool(const http::ServerEvent&)>& on_event) {
    http::SseParser parser(kEventBytesMax);
    std::vector<http::ServerEvent> events;
    const auto on_data = [&](std::string_view bytes) {
        if (!parser.feed(bytes, events)) return false;
        for (const auto& event : std::exchange(events, {})) {
            if (!on_event(event)) return false;
        }
        return true;
    };
    const auto response =
        http_.stream({.url = fmt::format("{}/v1/jobs/{}/events", url_, http::percent_encode(id)),
                      .headers = {"Accept: text/event-stream"},
                      .timeout = milliseconds(0)},
                     on_data);
    if (!response.has_value()) {
        if (response.error().code == ErrorCode::kCancelled) return ok();
        return unreachable(response.error());
    }
    if (response->status != 200) return api_error(*response);
    return ok();
}

Result<Json> ApiClient::call(http::Request request) {
    if (request.method != "GET") request.headers.push_back("Content-Type: application/json");
    request.timeout = kCallTimeout;
    const auto response = http_.send(request);
    if (!response.has_value()) return unreachable(response.error());
    if (response->status / 100 != 2) return api_error(*response);
    auto body = Json::parse(response->body, nullptr, false);
    if (body.is_discarded()) {
        return Error{ErrorCode::kInternal,
                     fmt::format("{} answered something that is no JSON; is it Millrace?", url_)};
    }
    return success(std::move(body));
}

Result<Json> ApiClient::get(const std::string& path) {
    return call({.url = url_ + path});
}

Error ApiClient::unreachable(const Error& error) const {
    if (error.code != ErrorCode::kUnavailable) return error;
    return {
        ErrorCode::kUnavailable,
        fmt::format("cannot reach the gateway at {} ({}). Start one with `millrace up`, or name "
                    "another with --url or MILLRACE_URL.",
                    url_, error.message)};
}

bool is_final(std::string_view status) {
    constexpr std::array<std::string_view, 4> kFinal{"completed", "failed", "cancelled", "expired"};
    return std::ranges::find(kFinal, status) != kFinal.end();
}

}  // namespace millrace::cli

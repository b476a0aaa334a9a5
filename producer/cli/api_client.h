// The gateway's REST API, as the commands use it.
//
// Threads: one caller at a time.
// Blocks:  every call, up to its timeout.
// Errors:  the API's own message for 4xx and 5xx answers, as the code that fits the status;
//          kUnavailable with a hint when the gateway cannot be reached.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/http/http_client.h"
#include "common/http/sse_parser.h"

namespace millrace::cli {

using Json = nlohmann::json;

// A JSON value converts from and to everything, so that a Result cannot tell which of its two it
// is given: this says it.
inline Result<Json> success(Json value) {
    return Result<Json>(boost::system::in_place_value, std::move(value));
}

class ApiClient {
 public:
    // `url` like http://127.0.0.1:8080, without a path.
    explicit ApiClient(std::string url);

    Result<Json> submit(const Json& job, std::string_view idempotency_key);
    // The batch's items in order; each is a job or has an "error".
    Result<Json> submit_batch(const Json& jobs);
    Result<Json> job(std::string_view id, std::string_view include);
    // Waits on the server until the job is final or `wait` is over; the job as it is then.
    Result<Json> wait(std::string_view id, std::chrono::seconds wait);
    Result<Json> cancel(std::string_view id);
    // The new job, or the one that retries it already.
    Result<Json> retry(std::string_view id);
    // One page of those that match, or their count; see docs/api.md.
    Result<Json> retry_matching(const Json& filter);
    // `query` without the question mark.
    Result<Json> list(std::string_view query);
    Result<Json> queues();
    Result<Json> workers();

    // Calls `on_event` for each event of the job until one returns false or the stream ends.
    Status events(std::string_view id,
                  const std::function<bool(const http::ServerEvent&)>& on_event);

 private:
    Result<Json> call(http::Request request);
    Result<Json> get(const std::string& path);
    Error unreachable(const Error& error) const;

    std::string url_;
    http::Client http_;
};

bool is_final(std::string_view status);

}  // namespace millrace::cli

// The gateway's REST API, as the commands use it.
//
// A gateway that has answered once and then is away is waited for, up to kGatewayPatience, wherever
// sending again does no harm; standard error says so.
//
// Threads: one caller at a time.
// Blocks:  every call, up to its timeout and that patience.
// Errors:  the API's own message for 4xx and 5xx answers, as the code that fits the status, with
//          the option's name in place of the field's; kUnavailable with a hint when the gateway
//          cannot be reached; kInvalidArgument for a URL that cannot be one.
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

inline constexpr std::chrono::seconds kGatewayPatience{60};

// What came, as it came; and taken apart, to look into it.
struct Answer {
    std::string text;
    Json json;
};

class ApiClient {
 public:
    // As people write it; a wrong one is the error of every call.
    explicit ApiClient(std::string_view url);

    // `key`: an Idempotency-Key, which makes it safe to send again.
    Result<Answer> submit(std::string body, const std::string& key);
    Result<Answer> submit_batch(std::string body, const std::string& key);
    Result<Answer> job(std::string_view id, std::string_view include);
    // Waits on the server until the job is final or `wait` is over; the job as it is then.
    Result<Answer> wait(std::string_view id, std::chrono::seconds wait);
    Result<Answer> cancel(std::string_view id);
    // The new job, or the one that retries it already.
    Result<Answer> retry(std::string_view id);
    // One page of those that match, or their count. `what` is retry or cancel; see
    // docs/api.md.
    Result<Answer> matching(std::string_view what, const Json& filter);
    // `query` without the question mark.
    Result<Answer> list(std::string_view query);
    Result<Answer> queues();
    Result<Answer> workers();

    // Calls `on_event` for each event of the job until one returns false or the stream ends.
    Status events(std::string_view id,
                  const std::function<bool(const http::ServerEvent&)>& on_event);

    // For a gateway that is away: says so, and waits a little, longer each time. False once the
    // patience is over, or where it has never answered.
    bool wait_for_gateway();
    // No later than this (of `wait --timeout`); otherwise by kGatewayPatience.
    void set_deadline(MonoTime deadline) { deadline_ = deadline; }

 private:
    enum class Repeat { kNever, kSafe, kKeyed };

    Result<Answer> call(http::Request request, Repeat repeat);
    Result<Answer> call_once(const http::Request& request);
    Result<Answer> get(const std::string& path);
    Result<Answer> post(const std::string& path, std::string body, const std::string& key,
                        Repeat repeat);
    Error unreachable(const Error& error) const;
    void has_answered();

    Result<std::string> url_;
    http::Client http_;
    bool has_answered_ = false;
    bool is_answer_lost_ = false;  // Of the last call, which may have arrived.
    int tries_ = 0;                // Since it went away; 0: it is there.
    MonoTime away_since_;
    MonoTime deadline_ = MonoTime::max();
};

bool is_final(std::string_view status);

// What an answer that is no 2xx says.
Error api_error(int status, const std::string& body);

}  // namespace millrace::cli

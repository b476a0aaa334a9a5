// The gateway's REST API, as the commands use it.
//
// If a gateway that has answered once is away, the client waits for it, up to kGatewayPatience,
// wherever it is safe to send again. Standard error says so.
//
// Threads: one caller at a time.
// Blocks:  every call, up to its timeout and kGatewayPatience.
// Errors:  for 4xx and 5xx answers the API's own message, with the code that fits the status and
//          the option's name in place of the field's; kUnavailable with a hint if the gateway
//          cannot be reached; kInvalidArgument for an invalid URL.
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

// An answer's original text, and the same text parsed.
struct Answer {
    std::string text;
    Json json;
};

class ApiClient {
 public:
    // Takes a URL as people write it. If it is invalid, every call returns that error.
    explicit ApiClient(std::string_view url);

    // `key` is an Idempotency-Key, which makes it safe to send again.
    Result<Answer> submit(std::string body, const std::string& key);
    Result<Answer> submit_batch(std::string body, const std::string& key);
    Result<Answer> job(std::string_view id, std::string_view include);
    // Waits on the server until the job is final or `wait` is over. Returns the job as it is then.
    Result<Answer> wait(std::string_view id, std::chrono::seconds wait);
    Result<Answer> cancel(std::string_view id);
    // Returns the new job, or the one that already retries this one.
    Result<Answer> retry(std::string_view id);
    // Acts on one page of the matching jobs, or counts them. `what` is retry or cancel; see
    // docs/api.md.
    Result<Answer> matching(std::string_view what, const Json& filter);
    // `query` has no question mark.
    Result<Answer> list(std::string_view query);
    Result<Answer> queues();
    Result<Answer> workers();

    // Calls `on_event` for each event of the job until it returns false or the stream ends.
    Status events(std::string_view id,
                  const std::function<bool(const http::ServerEvent&)>& on_event);

    // Waits a little for a gateway that is away, longer each time, and says so. Returns false once
    // the patience is over, or if the gateway has never answered.
    bool wait_for_gateway();
    // Ends the wait for a gateway that is away at this time (for `wait --timeout`), if
    // kGatewayPatience does not end it sooner.
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
    bool is_answer_lost_ = false;  // The last call may have arrived.
    int tries_ = 0;                // Since it went away; 0: it is reachable.
    MonoTime away_since_;
    MonoTime deadline_ = MonoTime::max();
};

bool is_final(std::string_view status);

// The error in an answer of the server at `url` that is not 2xx. A refusal in a form that the API
// does not have is kInternal: the server is not Millrace, or something in between refuses.
Error api_error(int status, const std::string& body, std::string_view url);

}  // namespace millrace::cli

// One request and the means to answer it: the routes' view of a connection.
//
// A connection serves one exchange at a time. A handler that waits for the service keeps the
// exchange alive through its shared pointer and answers on the connection's thread. If the client
// has gone by then, the answer is dropped.
//
// Threads:   post() from any thread; everything else only on the connection's thread, on which
//            handlers start and posted tasks run.
// Blocks:    never.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "producer/server/problems.h"

namespace millrace::server {

enum class Method { kGet, kHead, kPost, kPut, kOptions, kOther };

// Named after the header fields that the API reads. Views are valid until the answer.
struct Request {
    Method method = Method::kGet;
    std::string path;  // Decoded.
    std::string_view query;
    std::string prefer;  // All Prefer fields, joined by commas.
    std::string_view idempotency_key;
    std::string_view retry_count;  // x-stainless-retry-count: an SDK's attempt, from 0.
    std::string_view sdk_timeout;  // x-stainless-read-timeout or -timeout, with a retry count.
    std::string if_none_match;     // Joined like `prefer`.
    std::string_view last_event_id;
    std::string_view content_type;
    // Joined like `prefer`; the body is already decoded if the coding is known.
    std::string content_encoding;
    std::string accept_encoding;  // Joined like `prefer`.
    bool has_origin = false;      // Browsers send Origin on behalf of a page.
    bool asks_to_stay = false;    // An explicit `Connection: keep-alive`.
    std::string body;             // Complete and decoded.
    std::string id;               // The answer's x-request-id.
    std::string path_id;          // What RouteMatch::id was.
    MonoTime received;            // When its first byte arrived.
};

struct Response {
    int status = 200;
    std::string_view content_type = "application/json";
    std::string body{};
    std::vector<std::pair<std::string_view, std::string>> headers{};
};

// Why a wait ended.
enum class Wake { kTimer, kClientGone, kDraining };

class Exchange {
 public:
    virtual ~Exchange() = default;

    virtual const Request& request() const = 0;

    // Runs the task on the connection's thread: immediately if called there, otherwise soon. The
    // task is dropped once the server has stopped.
    virtual void post(std::function<void()> task) = 0;

    // Answers and ends the exchange. Call it once, and not after open_events().
    virtual void reply(Response response) = 0;

    // Calls `wake` once: at the deadline, or as soon as the client hangs up or the server drains. A
    // later call replaces an earlier one, and the answer ends the wait. It works during a stream of
    // events too, although `on_end` also reports the end of the stream.
    virtual void wake_at(MonoTime deadline, std::function<void(Wake)> wake) = 0;

    // Answers 200 with a stream of events. `on_end` is called once if the stream ends other than by
    // close_events(): the client has gone or is too slow, or the server drains.
    virtual void open_events(std::function<void()> on_end) = 0;
    virtual void send_event(std::string_view frame) = 0;
    // Ends the exchange once everything has been sent.
    virtual void close_events() = 0;

    // Whether the server ends, and no request follows this one.
    virtual bool is_draining() const = 0;
};

using ExchangePtr = std::shared_ptr<Exchange>;

Response problem_response(const Problem& problem, std::string_view instance);
void reply_problem(Exchange& exchange, const Problem& problem);

// Translates a failed service call for the client. The text of an internal error goes to the log
// instead, under the request's id.
Problem reported_problem(const Exchange& exchange, const Error& error);
void reply_error(Exchange& exchange, const Error& error);

// Returns a callback for the service. It passes its argument to `handle` on the connection's
// thread.
template <class T, class Handle>
std::function<void(T)> on_connection(ExchangePtr exchange, Handle handle) {
    return [exchange = std::move(exchange), handle = std::move(handle)](T value) {
        exchange->post([handle, value = std::move(value)]() mutable { handle(std::move(value)); });
    };
}

}  // namespace millrace::server

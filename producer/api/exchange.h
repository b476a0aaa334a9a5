// One request and the way to answer it: what the routes see of a connection.
//
// A connection serves one exchange at a time. Handlers keep the exchange alive by its shared
// pointer while they wait for the service, and answer on the connection's thread; when the client
// is gone by then, answers go nowhere.
//
// Threads:   post() from any thread; everything else on the connection's thread only, which is
//            where handlers begin and posted tasks run.
// Blocks:    never.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "producer/api/problems.h"

namespace millrace::api {

enum class Method { kGet, kHead, kPost, kPut, kOptions, kOther };

// The names are those of the header fields that anything here reads. Views live until the answer.
struct Request {
    Method method = Method::kGet;
    std::string path;  // Decoded.
    std::string_view query;
    std::string prefer;  // All Prefer fields, joined by commas.
    std::string_view idempotency_key;
    std::string_view retry_count;  // x-stainless-retry-count: which try of an SDK this is, from 0.
    std::string_view sdk_timeout;  // x-stainless-read-timeout or -timeout, with a retry count.
    std::string if_none_match;     // As `prefer`.
    std::string_view last_event_id;
    std::string_view content_type;
    std::string content_encoding;  // As `prefer`; decoded already where it is known.
    std::string accept_encoding;   // As `prefer`.
    bool has_origin = false;       // A browser sends it, for a page.
    bool asks_to_stay = false;     // Connection: keep-alive, in so many words.
    std::string body;              // Whole, and without its codings.
    std::string id;                // x-request-id of the answer.
    std::string job_id;            // The {id} of the route's path, unparsed.
    MonoTime received;             // Its first byte.
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

    // Runs the task on the connection's thread: at once when called there, else soon. Dropped when
    // the server has stopped.
    virtual void post(std::function<void()> task) = 0;

    // Answers and ends the exchange. Once, and not after open_events().
    virtual void reply(Response response) = 0;

    // Calls `wake` once: at the deadline, or as soon as the client hangs up or the server drains.
    // A later call replaces the earlier; the answer ends it. In a stream of events, too, whose end
    // is also told by `on_end`.
    virtual void wake_at(MonoTime deadline, std::function<void(Wake)> wake) = 0;

    // Answers 200 with a stream of events. `on_end` is called once when the stream ends otherwise
    // than by close_events(): the client is gone or too slow, or the server drains.
    virtual void open_events(std::function<void()> on_end) = 0;
    virtual void send_event(std::string_view frame) = 0;
    // Ends the exchange once everything is sent.
    virtual void close_events() = 0;
};

using ExchangePtr = std::shared_ptr<Exchange>;

Response problem_response(const Problem& problem, std::string_view instance);
void reply_problem(Exchange& exchange, const Problem& problem);

// What a failed call of the service is to the client. A bug's text goes to the log instead, under
// the request's id.
Problem reported_problem(const Exchange& exchange, const Error& error);
void reply_error(Exchange& exchange, const Error& error);

// A callback for the service: hands its argument to `handle` on the connection's thread.
template <class T, class Handle>
std::function<void(T)> on_connection(ExchangePtr exchange, Handle handle) {
    return [exchange = std::move(exchange), handle = std::move(handle)](T value) {
        exchange->post([handle, value = std::move(value)]() mutable { handle(std::move(value)); });
    };
}

}  // namespace millrace::api

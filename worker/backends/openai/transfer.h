// One attempt of a job at the endpoints: a request and its answer, on one curl handle at a time. If
// an endpoint refuses the attempt before any output, it may be sent to the next.
//
// Threads:   only the backend's own thread.
// Owns:      the curl handle, which must have left its multi handle before it is destroyed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/http/sse_parser.h"
#include "worker/backends/backend.h"
#include "worker/backends/openai/assembler.h"
#include "worker/backends/openai/endpoint.h"
#include "worker/backends/openai/endpoint_request.h"
#include "worker/backends/serving/curl_handles.h"
#include "worker/backends/serving/pool/endpoint_pool.h"

namespace millrace::backends::openai {

// The same for all transfers of a backend.
struct TransferOptions {
    serving::ConnectOptions connect = {};
    std::size_t output_bytes_max = 0;
    const curl_slist* headers = nullptr;
};

class Transfer {
 public:
    Transfer(Execution execution, RequestOutline outline, const TransferOptions& options,
             ExecutionSink& sink);

    const Execution& execution() const { return execution_; }
    const AttemptKey& key() const { return execution_.job.key; }
    const RequestOutline& outline() const { return outline_; }

    // --- Its place, kept by the loop ---
    CallPlan plan = {};                             // For the choice of an endpoint.
    MonoTime waits_since = MonoTime::min();         // While it is not open.
    std::optional<Outcome> refusal = {};            // Of the last endpoint that had no room.
    std::optional<EndpointPool::CallId> call = {};  // While it is open.

    bool tried(EndpointIndex endpoint) const;

    // Makes the handle for an attempt at one endpoint. `on_output` is called at the first output.
    // Requires: nothing was received yet.
    CURL* open(EndpointIndex index, const Endpoint& endpoint, EndpointRequest request, MonoTime now,
               std::function<void()> on_output);

    // --- While it is open ---
    CURL* handle() const { return handle_.get(); }
    long status() const { return serving::status_of(handle()); }
    EndpointIndex endpoint() const { return endpoint_; }
    // The request was for a stream, which is never silent for long.
    bool streams() const { return request_.streams; }
    bool has_output() const { return answer_ && answer_->events_seen > 0; }
    // The whole answer has come, although the connection is still open.
    bool is_whole() const;
    // When a whole answer counts as ended although the connection stays open.
    MonoTime ends_at() const;
    // Prompt and output so far; a server sends about one event per token.
    std::int64_t tokens() const { return outline_.prompt_tokens + answer_->events_seen; }
    // When the last byte came, or the attempt began.
    MonoTime heard_at() const { return heard_at_; }

    // The outcome of the attempt. Call once, when the transfer is over.
    Outcome outcome(CURLcode code, const Endpoint& endpoint);
    // What that outcome says about the endpoint.
    CallResult result(CURLcode code, const Outcome& outcome) const;

 private:
    struct Answer {
        explicit Answer(std::size_t event_bytes_max) : events(event_bytes_max) {}

        std::optional<bool> is_stream = {};  // Set once its first byte has come.
        std::string body = {};               // Of an answer that is not a stream.
        http::SseParser events;
        std::int64_t events_seen = 0;
        std::optional<Assembler> assembler = {};  // For a stream.
        Assembler::End end = Assembler::End::kOpen;
        MonoTime end_seen_at = {};            // When `end` last changed.
        std::optional<Outcome> verdict = {};  // Reached before the end of the answer.
    };

    static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self);
    // False ends the transfer; answer_->verdict says why, unless it is a long error body.
    bool take(std::string_view bytes);
    bool take_events(std::string_view bytes);
    bool take_body(std::string_view bytes);
    ExpectedAnswer expected() const;
    Outcome outcome_of_stream(bool clean);
    Outcome outcome_of_error(const Profile& profile) const;

    const Execution execution_;
    const RequestOutline outline_;
    const TransferOptions& options_;
    ExecutionSink& sink_;

    EndpointRequest request_;
    serving::CurlHandle handle_;
    EndpointIndex endpoint_ = 0;
    std::vector<EndpointIndex> tried_;
    std::function<void()> on_output_;
    MonoTime opened_at_;
    MonoTime heard_at_;

    std::optional<Answer> answer_;  // Of the current or the last endpoint.
};

}  // namespace millrace::backends::openai

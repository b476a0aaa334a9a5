// The thread of the openai backend: runs jobs at the endpoints, and holds those that wait for a
// place.
//
//   run ─► in line ─► open at an endpoint ─► reported
//            ▲  └─ no place in time: reported as rate-limited, which costs no attempt
//            └──── refused before any output, while there are endpoints left to try
//
// Jobs wait here, in the order of priorities, and not at the servers, so that aborts and deadlines
// reach them. The contract of Backend::run bounds the line. A job whose endpoints are all out waits
// only a moment if other endpoints work. If its endpoints are full, or no endpoint works, it waits
// longer and starts as soon as one is back. After that it is handed back, because another worker
// may have room.
//
// Threads:   run and abort from any thread; the sink is called from the thread "openai".
// Blocks:    stop(), until all is reported.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/mutex.h"
#include "common/runtime/thread.h"
#include "worker/backends/backend.h"
#include "worker/backends/inbox.h"
#include "worker/backends/openai/endpoint.h"
#include "worker/backends/openai/queue_watch.h"
#include "worker/backends/openai/transfer.h"
#include "worker/backends/serving/curl_handles.h"
#include "worker/backends/serving/outage.h"
#include "worker/backends/serving/pool/endpoint_pool.h"
#include "worker/backends/serving/pool/quantile_estimate.h"

namespace millrace::backends::openai {

struct LoopOptions {
    std::string api_key;
    std::size_t connections_max = 8;
    serving::ConnectOptions connect = {};
    milliseconds stall_timeout{300'000};  // A stream that is silent for this long is aborted.
    std::size_t output_bytes_max = 8 << 20;
};

class OpenAiLoop {
 public:
    OpenAiLoop(LoopOptions options, std::vector<Endpoint> endpoints, ExecutionSink& sink);
    ~OpenAiLoop() { stop(); }

    void run(std::vector<Execution> batch);
    void abort(const Inbox::Abort& abort);
    // Replaces what is known of the endpoints: the same number in the same order. Does not touch
    // running jobs; waiting jobs go to an endpoint that serves their model now.
    void serve(std::vector<Endpoint> endpoints);
    // Ends every attempt as interrupted. Idempotent.
    void stop();

 private:
    using Transfers = std::unordered_map<AttemptKey, std::unique_ptr<Transfer>, AttemptKeyHash>;

    void loop();
    void adopt();
    // Notes which endpoints serve a model, and shows all of them.
    void find_serving();
    void take(Execution execution);
    void close(AttemptKey key, AbortReason reason);
    void collect();
    void watch_queues();
    void finish(Transfer& transfer, CURLcode code);
    // Decides whether the outcome of an ended call was an outage, and what that costs the job.
    Outcome weigh_outage(const Transfer& transfer, CallResult result, Outcome outcome);
    void close_late_ones();
    void give_up_silent(Transfer& transfer);
    int wait_ms() const;

    // --- The line ---
    void line_up(Transfer& transfer);
    void place_all();
    bool place(Transfer& transfer, MonoTime now);
    bool serves(const std::string& model) const;
    std::vector<EndpointIndex> candidates(const Transfer& transfer) const;
    void open(Transfer& transfer, EndpointIndex index, MonoTime now);

    // --- The ends ---
    void end_call(Transfer& transfer, const CallEnd& how);
    void report(Transfer& transfer, Outcome outcome);
    // Updates the metrics, and logs changes.
    void show(EndpointIndex index);

    const LoopOptions options_;
    ExecutionSink& sink_;
    const serving::CurlList headers_;
    const TransferOptions transfer_options_;
    Inbox inbox_;
    Mutex mutex_;
    std::optional<std::vector<Endpoint>> news_ GUARDED_BY(mutex_);  // From serve().

    // Used only by the thread.
    std::vector<Endpoint> endpoints_;
    serving::CurlMulti multi_;
    EndpointPool pool_;
    std::vector<EndpointIndex> serving_;  // Those that serve at least one model.
    QueueWatch queues_;
    std::vector<serving::pool::BreakerState> shown_;  // By endpoint.
    serving::pool::QuantileEstimate output_tokens_;   // For jobs that set no limit.
    serving::Outages outages_;
    std::vector<MonoTime> served_at_;  // By endpoint.
    Transfers transfers_;
    std::vector<Transfer*> line_;         // The transfers that are not open, in order.
    MonoTime look_at_ = MonoTime::max();  // When to look at the line again.

    runtime::Thread thread_;  // Last: it uses all of the above.
};

}  // namespace millrace::backends::openai

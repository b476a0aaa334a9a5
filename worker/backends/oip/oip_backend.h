// Runs jobs on servers of the Open Inference Protocol (V2) over HTTP: NVIDIA Triton, KServe
// runtimes, MLServer. A job's input is the protocol's own infer request, and its result is the
// answer that the request would get alone. Between the two, similar jobs share one request as its
// rows.
//
// Tensors are sent as bytes if the server has the binary extension, otherwise as JSON. A job that
// does not fit the model's metadata is refused before it is sent. If an error may be one job's
// fault, the batch is halved until that job is found, so that it costs the others only time.
//
// HTTP has no cancel: an abort is reported at once, and the connection is closed if no other job is
// in the request, but the server goes on computing.
//
// Threads:   see Backend; one thread of its own, "oip", drives all connections. If no models are
//            configured, another, "oip-models", asks the servers for them: every second until a
//            server has some, then every few seconds. So a server may start later, and its models
//            may change.
// Blocks:    start and stop, up to 5 s for each endpoint that is asked for its models.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/runtime/periodic.h"
#include "worker/backends/backend.h"

namespace millrace::backends::oip {

struct OipOptions {
    std::vector<std::string> base_urls;  // At least one, such as http://127.0.0.1:8000.
    // "name"; "name=server-name" if jobs use another name than the server; or
    // "name=server-name/versions/2". Empty: the endpoints are asked, POST /v2/repository/index.
    std::vector<std::string> models;
    std::string api_key;         // Sent as a bearer token and never shown; empty: none.
    std::string ca_file;         // Certificates to trust; empty: see curl_rules.h.
    std::size_t slots = 2;       // Requests at a time, over all endpoints.
    std::size_t batch_max = 32;  // Rows of a request; a model's own limit also applies.
    milliseconds connect_timeout{5000};
    milliseconds timeout{300'000};  // For a request; after that the server counts as failing.
    std::size_t output_bytes_max = 8 << 20;  // Of one job; more fails it: output_too_large.
    // How long a job waits in the worker while all servers are full; as with the openai backend.
    milliseconds room_patience{30'000};
};

class OipBackend : public Backend {
 public:
    // Checks URLs and models; kInvalidArgument says what is wrong.
    static Status check(const OipOptions& options);

    explicit OipBackend(OipOptions options);
    ~OipBackend() override;

    // kInvalidArgument for a wrong URL or model list. Servers and models may be absent at the
    // start.
    Status start(ExecutionSink& sink) override;
    void stop() override;
    BackendInfo info() const override;
    std::string batch_key(const JobSpec& spec) const override;
    void run(std::vector<Execution> batch) override;
    void abort(const AttemptKey& key, AbortReason reason) override;

 private:
    class Loop;

    void look(const std::vector<std::string>& base_urls);
    std::map<std::string, std::string> models() const;

    const OipOptions options_;
    mutable Mutex mutex_;
    // By the name with which jobs choose a model: the servers' name for it.
    std::map<std::string, std::string> models_ GUARDED_BY(mutex_);
    std::string waits_for_ GUARDED_BY(mutex_);
    std::atomic<bool> is_over_ = false;
    std::unique_ptr<Loop> loop_;
    std::unique_ptr<runtime::Periodic> watch_;
    mutable std::atomic<std::uint64_t> alone_{0};  // Counts jobs that share no request.
};

}  // namespace millrace::backends::oip

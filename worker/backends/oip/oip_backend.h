// Runs jobs on servers that speak the Open Inference Protocol (V2) over HTTP: NVIDIA Triton, KServe
// runtimes, MLServer. A job's input is the protocol's own infer request, its result the answer that
// the request would get alone; between the two, jobs that are alike share one request as its rows.
//
// Tensors travel as bytes where the server has the binary extension, else as JSON. What does not
// fit the model's metadata is refused before it is sent. An error that may be one job's fault is
// narrowed down by halves, so that it costs the others nothing but time.
//
// HTTP has no cancel: an abort is reported at once, and the connection closed when nobody else is
// in the request, but the server goes on computing.
//
// Threads:   as Backend says; one own thread, "oip", drives all connections. Where no models are
//            named another, "oip-models", asks for them: every second until a server has some, then
//            every few seconds, so that a server may come later and its models may change.
// Blocks:    start and stop, up to 5 s for each endpoint that is asked for the models.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/runtime/periodic.h"
#include "worker/backends/backend.h"

namespace millrace::worker {

struct OipOptions {
    std::vector<std::string> base_urls;  // At least one, such as http://127.0.0.1:8000.
    // "name", "name=server-name" where jobs use another name than the server, or
    // "name=server-name/versions/2". Empty: start() asks the endpoints, POST /v2/repository/index.
    std::vector<std::string> models;
    std::string api_key;         // Sent as a bearer token and shown nowhere; empty: none.
    std::string ca_file;         // Certificates to trust; empty: as curl_rules.h says.
    std::size_t slots = 2;       // Requests at a time, over all endpoints.
    std::size_t batch_max = 32;  // Rows of a request; a model's own limit counts too.
    milliseconds connect_timeout{5000};
    milliseconds timeout{300'000};           // Of a request; then the server counts as failing.
    std::size_t output_bytes_max = 8 << 20;  // Of one job; more fails it: output_too_large.
};

class OipBackend : public Backend {
 public:
    // Whether URLs and models are right; kInvalidArgument says what is wrong.
    static Status check(const OipOptions& options);

    explicit OipBackend(OipOptions options);
    ~OipBackend() override;

    // kInvalidArgument for a wrong URL or model list. No server and no model has to be there yet.
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
    mutable std::mutex mutex_;
    std::map<std::string, std::string> models_;  // Guarded by mutex_. Ours → the server's.
    std::string waits_for_;                      // The same.
    std::atomic<bool> is_over_ = false;
    std::unique_ptr<Loop> loop_;
    std::unique_ptr<runtime::Periodic> watch_;
    mutable std::atomic<std::uint64_t> alone_{0};  // Keys given to jobs that can share nothing.
};

}  // namespace millrace::worker

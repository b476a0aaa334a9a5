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
// Threads:   as Backend says; one own thread, "oip", drives all connections.
// Blocks:    start, up to kIndexTimeout for each endpoint when it asks for the models.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

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

    // kInvalidArgument for a wrong URL or model list; kUnavailable when no endpoint names its
    // models. Models that are named need not be there yet.
    Status start(ExecutionSink& sink) override;
    void stop() override;
    BackendInfo info() const override;
    std::string batch_key(const JobSpec& spec) const override;
    void run(std::vector<Execution> batch) override;
    void abort(const AttemptKey& key, AbortReason reason) override;

 private:
    class Loop;

    Status ask_for_models(const std::vector<std::string>& base_urls);

    const OipOptions options_;
    std::map<std::string, std::string> models_;  // Fixed once started. Ours → the server's.
    std::unique_ptr<Loop> loop_;
    mutable std::atomic<std::uint64_t> alone_{0};  // Keys given to jobs that can share nothing.
};

}  // namespace millrace::worker

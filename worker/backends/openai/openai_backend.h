// Runs jobs on servers that speak OpenAI's HTTP API: vLLM, SGLang, llama-server, Ollama, TGI,
// hosted ones. {"messages":…} goes to /chat/completions, {"prompt":…} to /completions, {"input":…}
// to /embeddings; everything else in the input is passed on untouched.
//
// Completions are always streamed: it makes partial text, and closing a stream is what frees the
// server's slot at once (abort, deadline, too much output). Of several endpoints, each serving the
// same models, the one with the fewest requests is taken; one that cannot be connected to is
// passed over for the next.
//
// Threads:   as Backend says; one own thread, "openai", drives all connections.
// Blocks:    start, up to models_timeout for each endpoint when it asks for the models.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "worker/backends/backend.h"

namespace millrace::worker {

struct OpenAiOptions {
    std::vector<std::string> base_urls;  // At least one, such as http://127.0.0.1:8000/v1.
    // "name", or "name=server-name" where jobs use another name than the server. Empty: start()
    // asks the endpoints, GET /models.
    std::vector<std::string> models;
    std::string api_key;    // Sent as a bearer token and shown nowhere; empty: none.
    std::size_t slots = 8;  // Requests at a time, over all endpoints.
    milliseconds connect_timeout{5000};
    milliseconds models_timeout{10000};
    std::size_t output_bytes_max = 8 << 20;  // Of one job; more fails it: output_too_large.
};

class OpenAiBackend : public Backend {
 public:
    explicit OpenAiBackend(OpenAiOptions options);
    ~OpenAiBackend() override;

    // kInvalidArgument for a wrong URL or model list; kUnavailable when no endpoint names its
    // models.
    Status start(ExecutionSink& sink) override;
    void stop() override;
    BackendInfo info() const override;
    void run(std::vector<Execution> batch) override;
    void abort(const AttemptKey& key, AbortReason reason) override;

 private:
    class Loop;

    Status ask_for_models(const std::vector<std::string>& base_urls);

    const OpenAiOptions options_;
    std::map<std::string, std::string> models_;  // Fixed once started. Ours → the server's.
    std::unique_ptr<Loop> loop_;
};

}  // namespace millrace::worker

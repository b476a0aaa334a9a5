// Runs jobs on servers that speak OpenAI's HTTP API: vLLM, SGLang, llama-server, Ollama, TGI,
// hosted ones. {"messages":…} goes to /chat/completions, {"prompt":…} to /completions, {"input":…}
// to /embeddings, {"image_prompt":…} to /images/generations; everything else in the input is passed
// on untouched.
//
// Completions are always streamed: it makes partial text, and closing a stream is what frees the
// server's slot at once (abort, deadline, too much output). Which of several endpoints a job goes
// to is told in endpoint_pool.h; what it waits for when none has room, in openai_loop.h.
//
// Threads:   as Backend says; one own thread, "openai", drives all connections.
//            Another, "openai-survey", asks the servers what they are and serve (survey.h); one
//            that is not there yet is waited for, and one that changes is followed.
// Blocks:    start, up to twice models_timeout, and warm_up.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/runtime/periodic.h"
#include "worker/backends/backend.h"
#include "worker/backends/openai/endpoint.h"
#include "worker/backends/openai/openai_loop.h"
#include "worker/backends/openai/survey.h"

namespace millrace::worker {

struct OpenAiOptions {
    std::vector<std::string> base_urls;  // At least one, as endpoint.h says.
    // "name", or "name=server-name" where jobs use another name than the server. Empty: start()
    // asks the endpoints, GET /models.
    std::vector<std::string> models;
    std::string api_key;           // Sent as a bearer token and shown nowhere; empty: none.
    std::string ca_file;           // Certificates to trust; empty: as curl_rules.h says.
    std::string profile = "auto";  // Of the servers; "auto": what they say of themselves.
    std::size_t slots = 8;         // Requests at a time at each endpoint that does not say.
    milliseconds connect_timeout{5'000};
    milliseconds models_timeout{10'000};
    milliseconds models_interval{5'000};  // How often the servers are asked for their models.
    milliseconds stall_timeout{300'000};  // A stream that is silent for so long is given up.
    milliseconds warm_up{0};  // How long start() waits for a first answer of each model; 0: not.
    std::size_t output_bytes_max = 8 << 20;  // Of one job; more fails it: output_too_large.
};

class OpenAiBackend : public Backend {
 public:
    // Whether URLs, profile and models are right; kInvalidArgument says what is wrong.
    static Status check(const OpenAiOptions& options);

    explicit OpenAiBackend(OpenAiOptions options);
    ~OpenAiBackend() override;

    // kInvalidArgument for a wrong URL, option or model list. No server has to be there.
    Status start(ExecutionSink& sink) override;
    void stop() override;
    BackendInfo info() const override;
    // By model and beginning of the prompt: servers keep what they computed of it for the next.
    std::string batch_key(const JobSpec& spec) const override;
    void run(std::vector<Execution> batch) override;
    void abort(const AttemptKey& key, AbortReason reason) override;

 private:
    void look(ExecutionSink& sink);
    void take_over();

    const OpenAiOptions options_;
    std::size_t slots_;  // Fixed once started.
    mutable std::mutex mutex_;
    std::vector<std::string> models_;  // Guarded by mutex_, like the next.
    std::string waits_for_;
    std::unique_ptr<Survey> survey_;  // Of the survey's thread, once that runs.
    std::unique_ptr<OpenAiLoop> loop_;
    std::unique_ptr<runtime::Periodic> watch_;  // Last: it uses all of the above.
};

}  // namespace millrace::worker

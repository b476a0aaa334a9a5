// Runs jobs on servers with OpenAI's HTTP API: vLLM, SGLang, llama-server, Ollama, TGI, hosted
// ones. {"messages":…} goes to /chat/completions, {"prompt":…} to /completions, {"input":…} to
// /embeddings, {"image_prompt":…} to /images/generations; everything else in the input is passed on
// unchanged.
//
// Completions are streamed where the server supports it: this yields partial text, and closing a
// stream frees the server's slot at once (abort, deadline, too much output). endpoint_pool.h says
// which of several endpoints gets a job; openai_loop.h says how a job waits when none has room.
//
// Threads:   as Backend says; one own thread, "openai", drives all connections.
//            Another, "openai-survey", asks the servers what they are and serve (survey.h). It
//            waits for servers that are not up yet, and follows changes.
// Blocks:    start, up to twice models_timeout, and warm_up.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/runtime/periodic.h"
#include "worker/backends/backend.h"
#include "worker/backends/openai/endpoint.h"
#include "worker/backends/openai/openai_loop.h"
#include "worker/backends/openai/survey.h"

namespace millrace::backends::openai {

struct OpenAiOptions {
    std::vector<std::string> base_urls;  // At least one, in the form of endpoint.h.
    // "name", or "name=server-name" if jobs use another name than the server. Empty: start() asks
    // the endpoints, GET /models.
    std::vector<std::string> models;
    std::string api_key;           // Sent as a bearer token and never shown; empty: none.
    std::string ca_file;           // Certificates to trust; empty: the default of curl_rules.h.
    std::string profile = "auto";  // Of the servers; "auto": detected from their answers.
    std::size_t slots = 8;         // Concurrent requests at each endpoint that sets none.
    milliseconds connect_timeout{5'000};
    milliseconds models_timeout{10'000};
    milliseconds models_interval{5'000};  // How often to ask the servers for their models.
    milliseconds stall_timeout{300'000};  // A stream that is silent for this long is aborted.
    milliseconds warm_up{0};  // Limit of each model's first answer at start; 0: none is requested.
    std::size_t output_bytes_max = 8 << 20;  // Per job; more fails it: output_too_large.
};

class OpenAiBackend : public Backend {
 public:
    // Checks URLs, profile and models; kInvalidArgument says what is wrong.
    static Status check(const OpenAiOptions& options);

    explicit OpenAiBackend(OpenAiOptions options);
    ~OpenAiBackend() override;

    // kInvalidArgument for a wrong URL, option or model list. The servers need not be up.
    Status start(ExecutionSink& sink) override;
    void stop() override;
    BackendInfo info() const override;
    // By model and beginning of the prompt: servers reuse what they computed for a common prefix.
    std::string batch_key(const JobSpec& spec) const override;
    void run(std::vector<Execution> batch) override;
    void abort(const AttemptKey& key, AbortReason reason) override;

 private:
    void look(ExecutionSink& sink);
    void take_over();

    const OpenAiOptions options_;
    std::size_t slots_;  // Fixed once started.
    mutable Mutex mutex_;
    std::vector<std::string> models_ GUARDED_BY(mutex_);
    std::string waits_for_ GUARDED_BY(mutex_);
    std::unique_ptr<Survey> survey_;  // Used only by the survey's thread once that runs.
    std::unique_ptr<OpenAiLoop> loop_;
    std::unique_ptr<runtime::Periodic> watch_;  // Last: it uses all of the above.
};

}  // namespace millrace::backends::openai

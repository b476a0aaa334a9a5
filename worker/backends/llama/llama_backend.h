// Runs jobs on a GGUF model in this process, with llama.cpp: several jobs at once in one decode
// step, partial text as it is generated, and an abort that takes effect before the next step.
//
// Serves messages and prompts. Embeddings, images and parameters that it does not know are refused
// with a permanent failure, rather than ignored.
//
// Threads:   as Backend says; stats() from any thread. One own thread, "llama", owns the context;
//            the library computes on further threads of its own.
// Blocks:    start, while the model is loaded; stop, for one decode step.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/device.h"
#include "worker/backends/backend.h"
#include "worker/backends/llama/decoder.h"

namespace millrace::worker {

struct LlamaOptions {
    std::string model_path;
    std::string name;           // By which jobs ask for it; empty: the file's name without .gguf.
    int slots = 8;              // Sequences decoded together.
    int context_tokens = 8192;  // Shared out evenly between the sequences.
    int batch_tokens = 512;     // In one decode step, at most. >= slots.
    // A decode step carries what takes about as long; aborts wait for it.
    milliseconds step_time{250};
    std::size_t saved_bytes_max = 512 << 20;  // Of main memory for what sequences remembered.
    int threads = 0;  // 0: one for each processor (of `devices`, where it has any).
    // Together: the GPUs that hold the model, by their numbers, and the processors that its threads
    // run on. Empty: all GPUs of the library, any processors.
    std::vector<Device> devices;
    int output_tokens_default = 256;         // Where a job has no max_tokens.
    std::size_t output_bytes_max = 8 << 20;  // More fails the job: output_too_large.
    // One of llama.cpp's own ("chatml", "llama3", "gemma", …). Empty: the family of the file's
    // template without the system prompt that a file may bring, or chatml where it is none.
    std::string chat_template;
};

class LlamaBackend : public Backend {
 public:
    explicit LlamaBackend(LlamaOptions options);
    ~LlamaBackend() override;

    // kNotFound or kInvalidArgument for the file (check_gguf), kInvalidArgument for devices that
    // are not there, kResourceExhausted for the file's context.
    Status start(ExecutionSink& sink) override;
    void stop() override;
    BackendInfo info() const override;
    void run(std::vector<Execution> batch) override;
    void abort(const AttemptKey& key, AbortReason reason) override;

    // Requires: started.
    LlamaStats stats() const;

 private:
    class Loop;

    const LlamaOptions options_;
    const std::string name_;
    std::unique_ptr<Loop> loop_;
};

}  // namespace millrace::worker

// Runs jobs on a GGUF model in this process, with llama.cpp: several jobs at once in one decode
// step, partial text as it is generated, and an abort that takes effect before the next step.
//
// Supports messages and prompts. Embeddings, images and unknown parameters are refused with a
// permanent failure, rather than ignored.
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

namespace millrace::backends::llama {

struct LlamaOptions {
    std::string model_path;
    std::string name;           // The name that jobs use; empty: the file's name without .gguf.
    int slots = 8;              // Sequences decoded together.
    int context_tokens = 8192;  // Divided evenly between the sequences.
    int batch_tokens = 512;     // The maximum of one decode step. >= slots.
    // The target duration of a decode step; aborts wait for its end.
    milliseconds step_time{250};
    std::size_t saved_bytes_max = 512 << 20;  // Of main memory, for the saved memory of sequences.
    int threads = 0;  // 0: one for each processor (of `devices`, if it has any).
    // Both the GPUs that hold the model, by their numbers, and the processors that its threads run
    // on. Empty: all GPUs of the library, any processors.
    std::vector<Device> devices;
    int output_tokens_default = 256;         // For jobs without max_tokens.
    std::size_t output_bytes_max = 8 << 20;  // More fails the job: output_too_large.
    // One of llama.cpp's own ("chatml", "llama3", "gemma", …). Empty: the family of the file's
    // template, without the system prompt that a file may contain, or chatml if the library does
    // not know it.
    std::string chat_template;
};

class LlamaBackend : public Backend {
 public:
    explicit LlamaBackend(LlamaOptions options);
    ~LlamaBackend() override;

    // kNotFound or kInvalidArgument for the file (check_gguf), kInvalidArgument for missing
    // devices, kResourceExhausted if the file or its context does not fit.
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

}  // namespace millrace::backends::llama

// Calls the llama backend directly, without the rest of Millrace: runs its jobs in a closed loop.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "worker/backends/llama/llama_backend.h"

namespace millrace::bench {

struct Arguments {
    std::string model;
    std::vector<std::string> prompts;
    int threads = 0;
    int runs = 5;
};

// Keeps this many jobs in the backend until all have run, and records when each sent its first
// output and when it ended.
class ClosedLoop : public backends::ExecutionSink {
 public:
    struct Record {
        std::size_t partials = 0;
        bool ended = false;
        Outcome outcome;
        MonoTime ended_at;
    };

    void partial(const AttemptKey& key, std::string_view text) override;
    void progress(const AttemptKey&, double, std::string_view) override {}
    void finished(const AttemptKey& key, Outcome outcome) override;

    // Starts one job; its key is {id, 1}.
    AttemptKey start(backends::Backend& backend, const std::string& input_json);
    // Returns the outcomes, in the order of the inputs.
    std::vector<Outcome> run(backends::Backend& backend, const std::vector<std::string>& inputs,
                             std::size_t at_once);
    // Waits until the job has sent this many more partials, or has ended.
    void wait_for_partials(const AttemptKey& key, std::size_t more);
    Record wait_until_ended(const AttemptKey& key);
    // Waits until the job has ended, but no longer than this.
    void watch(const AttemptKey& key, milliseconds at_most);

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<AttemptKey, Record> records_;  // Guarded by mutex_.
    std::size_t running_ = 0;               // Guarded by mutex_.
};

// Returns the started backend; ends the program if the backend cannot start.
std::unique_ptr<backends::llama::LlamaBackend> started(const backends::llama::LlamaOptions& options,
                                                       backends::ExecutionSink& sink);
std::string chat(const std::string& text, int max_tokens, int seed, bool to_the_end = false);

void throughput(const Arguments& arguments, int sequences);
void prefix(const Arguments& arguments, int jobs_per_prefix, std::size_t saved_mib);
void abort_time(const Arguments& arguments);

}  // namespace millrace::bench

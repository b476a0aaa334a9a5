#include "worker/backends/llama/llama_backend.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/runtime/processors.h"
#include "common/runtime/thread.h"
#include "worker/backends/gguf.h"
#include "worker/backends/inbox.h"
#include "worker/backends/llama/llama_request.h"
#include "worker/backends/llama/placement.h"

namespace millrace::backends::llama {
namespace {

std::string name_of(const LlamaOptions& options) {
    return options.name.empty() ? std::filesystem::path(options.model_path).stem().string()
                                : options.name;
}

}  // namespace

// The state of the running jobs; only the thread uses it.
class LlamaBackend::Loop {
 public:
    Loop(std::unique_ptr<LlamaEngine> engine, LlamaDecoderOptions options, ExecutionSink& sink)
        : sink_(sink),
          engine_(std::move(engine)),
          decoder_(*engine_, std::move(options), sink),
          thread_("llama", [this](const std::stop_token&) { loop(); }) {}
    ~Loop() { stop(); }

    void stop() {
        inbox_.close();
        thread_.join();
    }
    void run(std::vector<Execution> batch) {
        if (!inbox_.post(batch)) refuse(sink_, batch);
    }
    void abort(const Inbox::Abort& abort) { inbox_.post(abort); }
    LlamaStats stats() const { return decoder_.stats(); }

 private:
    void loop() {
        for (bool closed = false; !closed;) {
            auto news = decoder_.idle() ? inbox_.wait(MonoTime::max()) : inbox_.take();
            closed = news.closed;
            for (auto& batch : news.batches) {
                for (auto& execution : batch) begin(std::move(execution));
            }
            for (const auto& [key, reason] : news.aborts) decoder_.end(key, reason);
            decoder_.end_late(system_clock().now());
            if (!closed && !decoder_.idle()) decoder_.step();
        }
        decoder_.end_all(AbortReason::kInterrupted);
    }

    void begin(Execution execution) {
        auto parsed = parse_llama_request(execution.job.spec.input_json);
        if (auto* refusal = std::get_if<Outcome>(&parsed)) {
            sink_.finished(execution.job.key, std::move(*refusal));
            return;
        }
        decoder_.begin(std::move(execution), std::get<LlamaRequest>(parsed));
    }

    ExecutionSink& sink_;
    Inbox inbox_;
    const std::unique_ptr<LlamaEngine> engine_;
    LlamaDecoder decoder_;

    runtime::Thread thread_;  // Last: it uses all of the above.
};

LlamaBackend::LlamaBackend(LlamaOptions options)
    : options_(std::move(options)), name_(name_of(options_)) {
    CHECK(options_.slots >= 1 && options_.batch_tokens >= 1 && options_.context_tokens >= 1);
}

LlamaBackend::~LlamaBackend() {
    stop();
}

Status LlamaBackend::start(ExecutionSink& sink) {
    CHECK(!loop_);
    TRY_STATUS(check_gguf(options_.model_path));
    TRY(const auto placement, llama_placement(options_.devices));
    // Binds this thread while it starts the others, the library's and the backend's.
    const runtime::ThreadBinding binding(placement.processors);
    if (!binding.ok()) {
        return Error{ErrorCode::kInvalidArgument,
                     "none of the processors of backend.llama.devices exists"};
    }
    const auto threads =
        options_.threads > 0 ? options_.threads : static_cast<int>(placement.processors.size());
    const auto before = system_clock().now();
    TRY(auto engine,
        LlamaEngine::load({.model_path = options_.model_path,
                           .sequences = options_.slots,
                           .context_tokens = options_.context_tokens,
                           .batch_tokens = std::max(options_.batch_tokens, options_.slots),
                           .threads = threads,
                           .chat_template = options_.chat_template,
                           .gpus = placement.gpus}));
    const auto took = std::chrono::duration_cast<milliseconds>(system_clock().now() - before);
    log_info("model loaded", {{"model", name_},
                              {"path", options_.model_path},
                              {"sequences", options_.slots},
                              {"context_per_sequence", engine->context_per_sequence()},
                              {"ms", took.count()}});
    loop_ = std::make_unique<Loop>(
        std::move(engine),
        LlamaDecoderOptions{.model = name_,
                            .sequences = options_.slots,
                            .output_tokens_default = options_.output_tokens_default,
                            .output_bytes_max = options_.output_bytes_max,
                            .step_time = options_.step_time,
                            .saved_bytes_max = options_.saved_bytes_max},
        sink);
    return ok();
}

void LlamaBackend::stop() {
    if (loop_) loop_->stop();
}

BackendInfo LlamaBackend::info() const {
    return {.name = "llama",
            .models = {name_},
            .slots = static_cast<std::size_t>(options_.slots),
            .batch_max = 1,
            .is_preemptible = true,
            .devices = names_of(options_.devices)};
}

void LlamaBackend::run(std::vector<Execution> batch) {
    CHECK(loop_);
    loop_->run(std::move(batch));
}

void LlamaBackend::abort(const AttemptKey& key, AbortReason reason) {
    CHECK(loop_);
    loop_->abort({key, reason});
}

LlamaStats LlamaBackend::stats() const {
    CHECK(loop_);
    return loop_->stats();
}

}  // namespace millrace::backends::llama

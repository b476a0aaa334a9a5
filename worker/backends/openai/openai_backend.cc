#include "worker/backends/openai/openai_backend.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/runtime/thread.h"
#include "worker/backends/inbox.h"
#include "worker/backends/openai/endpoint_error.h"
#include "worker/backends/openai/endpoint_request.h"
#include "worker/backends/openai/transfer.h"
#include "worker/backends/outcomes.h"

namespace millrace::worker {
namespace {

constexpr std::size_t kModelListBytesMax = 1 << 20;

struct MultiDeleter {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

CurlList make_headers(const std::string& api_key) {
    CurlList headers;
    const auto add = [&headers](const std::string& line) {
        auto* list = curl_slist_append(headers.get(), line.c_str());
        CHECK(list != nullptr);
        static_cast<void>(headers.release());
        headers.reset(list);
    };
    add("Content-Type: application/json");
    // No waiting for "100 Continue" before a large body.
    add("Expect:");
    if (!api_key.empty()) add("Authorization: Bearer " + api_key);
    return headers;
}

std::size_t append_bounded(char* bytes, std::size_t size, std::size_t count, void* body) {
    auto& text = *static_cast<std::string*>(body);
    if (text.size() + size * count > kModelListBytesMax) return 0;
    text.append(bytes, size * count);
    return size * count;
}

// The models that one endpoint serves.
Result<std::vector<std::string>> fetch_models(const std::string& base_url,
                                              const OpenAiOptions& options) {
    const auto headers = make_headers(options.api_key);
    const auto handle = make_handle(base_url + "/models", headers.get(), options.connect_timeout);
    std::string body;
    curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, &append_bounded);
    curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, static_cast<void*>(&body));
    curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT_MS,
                     static_cast<long>(options.models_timeout.count()));
    const auto code = curl_easy_perform(handle.get());
    if (code != CURLE_OK) {
        return Error{ErrorCode::kUnavailable, fmt::format("{}/models does not answer: {}", base_url,
                                                          curl_easy_strerror(code))};
    }
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        const auto hint = status == 401 || status == 403 ? "; is the API key right?" : "";
        return Error{ErrorCode::kUnavailable,
                     fmt::format("{}/models answered {}{}", base_url, status, hint)};
    }
    return parse_model_list(body);
}

}  // namespace

// All state of what runs; only the thread touches it.
class OpenAiBackend::Loop {
 public:
    Loop(const OpenAiOptions& options, const std::map<std::string, std::string>& models,
         const std::vector<std::string>& base_urls, ExecutionSink& sink)
        : options_(options),
          models_(models),
          sink_(sink),
          headers_(make_headers(options.api_key)),
          multi_(curl_multi_init()) {
        CHECK(multi_);
        for (const auto& base_url : base_urls) endpoints_.push_back({base_url});
        curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options.slots));
        thread_ = runtime::Thread("openai", [this](const std::stop_token&) { loop(); });
    }
    ~Loop() { stop(); }

    void stop() {
        inbox_.close();
        curl_multi_wakeup(multi_.get());
        thread_.join();
    }
    void run(std::vector<Execution> batch) {
        if (!inbox_.post(batch)) return refuse(sink_, batch);
        curl_multi_wakeup(multi_.get());
    }
    void abort(const Inbox::Abort& abort) {
        inbox_.post(abort);
        curl_multi_wakeup(multi_.get());
    }

 private:
    struct Endpoint {
        std::string base_url;
        std::size_t in_flight = 0;
        bool reachable = true;  // For the log: it tells of changes only.
    };
    using Transfers = std::unordered_map<AttemptKey, std::unique_ptr<Transfer>, AttemptKeyHash>;

    void loop() {
        for (bool closed = false; !closed;) {
            auto news = inbox_.take();
            closed = news.closed;
            for (auto& batch : news.batches) {
                for (auto& execution : batch) begin(std::move(execution));
            }
            for (const auto& [key, reason] : news.aborts) close(key, reason);
            int running = 0;
            curl_multi_perform(multi_.get(), &running);
            collect();
            close_late_ones();
            if (!closed) curl_multi_poll(multi_.get(), nullptr, 0, wait_ms(), nullptr);
        }
        while (!transfers_.empty()) close(transfers_.begin()->first, AbortReason::kInterrupted);
    }

    void begin(Execution execution) {
        const auto key = execution.job.key;
        const auto& spec = execution.job.spec;
        const auto model = models_.find(spec.model);
        if (model == models_.end()) {
            sink_.finished(
                key, invalid_input(fmt::format("the model '{}' is not served here", spec.model)));
            return;
        }
        auto request = make_endpoint_request(spec.input_json, model->second);
        if (!request.has_value()) {
            sink_.finished(key, invalid_input(request.error().message));
            return;
        }
        auto transfer =
            std::make_unique<Transfer>(std::move(execution), *std::move(request), limits_, sink_);
        open(*transfer, *choose_endpoint(*transfer));
        transfers_.emplace(key, std::move(transfer));
    }

    void open(Transfer& transfer, std::size_t index) {
        auto& endpoint = endpoints_[index];
        ++endpoint.in_flight;
        auto* handle = transfer.open(index, endpoint.base_url, headers_.get());
        CHECK(curl_multi_add_handle(multi_.get(), handle) == CURLM_OK);
    }

    // The least loaded of those that were not tried yet, in turn where several are; nothing when
    // all were.
    std::optional<std::size_t> choose_endpoint(const Transfer& transfer) {
        std::optional<std::size_t> best;
        for (std::size_t i = 0; i < endpoints_.size(); ++i) {
            const auto index = (turn_ + i) % endpoints_.size();
            if (transfer.tried(index)) continue;
            if (!best || endpoints_[index].in_flight < endpoints_[*best].in_flight) best = index;
        }
        if (best) turn_ = (*best + 1) % endpoints_.size();
        return best;
    }

    void detach(const Transfer& transfer) {
        --endpoints_[transfer.endpoint()].in_flight;
        // In the middle of an answer this closes the connection.
        curl_multi_remove_handle(multi_.get(), transfer.handle());
    }

    void collect() {
        int left = 0;
        while (const auto* message = curl_multi_info_read(multi_.get(), &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            // The message is gone once the handle is removed.
            const auto code = message->data.result;
            char* pointer = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &pointer);
            finish(*reinterpret_cast<Transfer*>(pointer), code);
        }
    }

    void finish(Transfer& transfer, CURLcode code) {
        auto& endpoint = endpoints_[transfer.endpoint()];
        detach(transfer);
        const bool reachable = !Transfer::is_unreachable(code);
        if (std::exchange(endpoint.reachable, reachable) != reachable) {
            log_warning(
                reachable ? "model endpoint is reachable again" : "model endpoint is unreachable",
                {{"endpoint", endpoint.base_url}, {"reason", curl_easy_strerror(code)}});
        }
        if (!reachable) {
            if (const auto other = choose_endpoint(transfer)) return open(transfer, *other);
        }
        auto outcome = transfer.outcome(code, endpoint.base_url);
        redact(outcome.error_message, options_.api_key);
        const auto key = transfer.key();
        transfers_.erase(key);
        sink_.finished(key, std::move(outcome));
    }

    // By value: the key may be the one in the map.
    void close(AttemptKey key, AbortReason reason) {
        const auto found = transfers_.find(key);
        if (found == transfers_.end()) return;
        detach(*found->second);
        transfers_.erase(found);
        sink_.finished(key, aborted_outcome(reason));
    }

    void close_late_ones() {
        const auto now = system_clock().now();
        std::vector<AttemptKey> late;
        for (const auto& [key, transfer] : transfers_) {
            if (transfer->execution().deadline <= now) late.push_back(key);
        }
        for (const auto& key : late) close(key, AbortReason::kDeadline);
    }

    // Until the next deadline; curl itself wakes up for anything of its own.
    int wait_ms() const {
        constexpr std::int64_t kIdleMs = 60'000;
        const auto now = system_clock().now();
        auto wait = milliseconds(kIdleMs);
        for (const auto& [_, transfer] : transfers_) {
            const auto left = std::chrono::ceil<milliseconds>(
                std::max(transfer->execution().deadline, now) - now);
            wait = std::min(wait, left);
        }
        return static_cast<int>(wait.count());
    }

    const OpenAiOptions& options_;
    const std::map<std::string, std::string>& models_;
    ExecutionSink& sink_;
    const TransferOptions limits_{options_.connect_timeout, options_.output_bytes_max};
    const CurlList headers_;
    Inbox inbox_;

    std::unique_ptr<CURLM, MultiDeleter> multi_;
    std::vector<Endpoint> endpoints_;
    std::size_t turn_ = 0;
    Transfers transfers_;

    runtime::Thread thread_;  // Last: it uses all of the above.
};

OpenAiBackend::OpenAiBackend(OpenAiOptions options) : options_(std::move(options)) {
    CHECK(options_.slots >= 1);
    static std::once_flag once;
    std::call_once(once, [] { CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

OpenAiBackend::~OpenAiBackend() {
    stop();
}

Status OpenAiBackend::start(ExecutionSink& sink) {
    CHECK(!loop_);
    std::vector<std::string> base_urls;
    for (const auto& text : options_.base_urls) {
        TRY(auto base_url, normal_base_url(text));
        base_urls.push_back(std::move(base_url));
    }
    if (base_urls.empty()) {
        return Error{ErrorCode::kInvalidArgument, "the openai backend needs at least one URL"};
    }
    TRY(models_, parse_model_names(options_.models));
    if (models_.empty()) TRY_STATUS(ask_for_models(base_urls));
    loop_ = std::make_unique<Loop>(options_, models_, base_urls, sink);
    return ok();
}

Status OpenAiBackend::ask_for_models(const std::vector<std::string>& base_urls) {
    Error last{ErrorCode::kUnavailable, {}};
    for (const auto& base_url : base_urls) {
        const auto ids = fetch_models(base_url, options_);
        if (ids.has_value() && !ids->empty()) {
            for (const auto& id : *ids) models_.emplace(id, id);
            return ok();
        }
        last = ids.has_value()
                   ? Error{ErrorCode::kUnavailable, fmt::format("{} serves no model", base_url)}
                   : ids.error();
    }
    last.message += "; start the server first, or name its models (backend.openai.models)";
    return last;
}

void OpenAiBackend::stop() {
    if (loop_) loop_->stop();
}

BackendInfo OpenAiBackend::info() const {
    BackendInfo info{.name = "openai", .slots = options_.slots, .batch_max = 1};
    for (const auto& [name, _] : models_) info.models.push_back(name);
    return info;
}

void OpenAiBackend::run(std::vector<Execution> batch) {
    CHECK(loop_);
    loop_->run(std::move(batch));
}

void OpenAiBackend::abort(const AttemptKey& key, AbortReason reason) {
    CHECK(loop_);
    loop_->abort({key, reason});
}

}  // namespace millrace::worker

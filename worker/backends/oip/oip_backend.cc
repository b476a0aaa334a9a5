#include "worker/backends/oip/oip_backend.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/check.h"
#include "common/http/http_client.h"
#include "common/runtime/thread.h"
#include "worker/backends/http/server_settings.h"
#include "worker/backends/oip/infer_loop.h"

namespace millrace::worker {
namespace {

constexpr milliseconds kIndexTimeout{10'000};

// The models that one server has ready.
Result<std::vector<std::string>> fetch_index(const std::string& base_url,
                                             const OipOptions& options) {
    const auto url = base_url + "/v2/repository/index";
    http::Request request{.method = "POST",
                          .url = url,
                          .headers = {"Content-Type: application/json"},
                          .body = "{}",
                          .ca_file = options.ca_file,
                          .timeout = kIndexTimeout};
    if (!options.api_key.empty()) {
        request.headers.push_back("Authorization: Bearer " + options.api_key);
    }
    TRY(const auto response, http::Client().send(request));
    if (response.status != 200) {
        const auto hint =
            response.status == 401 || response.status == 403 ? "; is the API key right?" : "";
        return Error{ErrorCode::kUnavailable,
                     fmt::format("{} answered {}{}", url, response.status, hint)};
    }
    return parse_repository_index(response.body);
}

Result<std::vector<std::string>> base_urls_of(const OipOptions& options) {
    std::vector<std::string> base_urls;
    for (const auto& text : options.base_urls) {
        TRY(auto base_url, plain_base_url(text));
        base_urls.push_back(std::move(base_url));
    }
    if (base_urls.empty()) {
        return Error{ErrorCode::kInvalidArgument, "the oip backend needs at least one URL"};
    }
    return base_urls;
}

}  // namespace

Status OipBackend::check(const OipOptions& options) {
    TRY_STATUS(base_urls_of(options));
    TRY_STATUS(parse_model_names(options.models));
    return ok();
}

// The thread, and what it is told.
class OipBackend::Loop {
 public:
    Loop(const OipOptions& options, const std::map<std::string, std::string>& models,
         const std::vector<std::string>& base_urls, ExecutionSink& sink)
        : sink_(sink), loop_(options, models, base_urls, sink) {
        thread_ = runtime::Thread("oip", [this](const std::stop_token&) { run(); });
    }
    ~Loop() { stop(); }

    void stop() {
        inbox_.close();
        loop_.wakeup();
        thread_.join();
    }
    void post(std::vector<Execution> batch) {
        if (!inbox_.post(batch)) return refuse(sink_, batch);
        loop_.wakeup();
    }
    void post(const Inbox::Abort& abort) {
        inbox_.post(abort);
        loop_.wakeup();
    }
    bool runs_alone(const std::string& model) const { return loop_.runs_alone(model); }

 private:
    void run() {
        for (bool closed = false; !closed;) {
            auto news = inbox_.take();
            closed = news.closed;
            for (auto& batch : news.batches) loop_.begin(std::move(batch));
            for (const auto& [key, reason] : news.aborts) loop_.abort(key, reason);
            loop_.step();
            if (!closed) loop_.wait();
        }
        loop_.end_all();
    }

    ExecutionSink& sink_;
    Inbox inbox_;
    InferLoop loop_;
    runtime::Thread thread_;  // Last: it uses all of the above.
};

OipBackend::OipBackend(OipOptions options) : options_(std::move(options)) {
    CHECK(options_.slots >= 1 && options_.batch_max >= 1);
    init_curl();
}

OipBackend::~OipBackend() {
    stop();
}

Status OipBackend::start(ExecutionSink& sink) {
    CHECK(!loop_);
    TRY(const auto base_urls, base_urls_of(options_));
    TRY(models_, parse_model_names(options_.models));
    if (models_.empty()) TRY_STATUS(ask_for_models(base_urls));
    loop_ = std::make_unique<Loop>(options_, models_, base_urls, sink);
    return ok();
}

Status OipBackend::ask_for_models(const std::vector<std::string>& base_urls) {
    Error last{ErrorCode::kUnavailable, {}};
    for (const auto& base_url : base_urls) {
        const auto names = fetch_index(base_url, options_);
        if (names.has_value() && !names->empty()) {
            for (const auto& name : *names) models_.emplace(name, name);
            return ok();
        }
        last = names.has_value()
                   ? Error{ErrorCode::kUnavailable, fmt::format("{} has no model", base_url)}
                   : names.error();
    }
    last.code = ErrorCode::kUnavailable;
    last.message += "; start the server first, or name its models (backend.oip.models)";
    return last;
}

void OipBackend::stop() {
    if (loop_) loop_->stop();
}

BackendInfo OipBackend::info() const {
    BackendInfo info{.name = "oip", .slots = options_.slots, .batch_max = options_.batch_max};
    for (const auto& [name, _] : models_) info.models.push_back(name);
    return info;
}

std::string OipBackend::batch_key(const JobSpec& spec) const {
    if (!loop_ || !models_.contains(spec.model)) return spec.model;
    if (loop_->runs_alone(spec.model)) return fmt::format("{} {}", spec.model, ++alone_);
    return fmt::format("{} {}", spec.model, infer_key(spec.input_json));
}

void OipBackend::run(std::vector<Execution> batch) {
    CHECK(loop_);
    loop_->post(std::move(batch));
}

void OipBackend::abort(const AttemptKey& key, AbortReason reason) {
    CHECK(loop_);
    loop_->post({key, reason});
}

}  // namespace millrace::worker

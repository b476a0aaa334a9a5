#include "worker/backends/oip/oip_backend.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/http/http_client.h"
#include "common/runtime/thread.h"
#include "worker/backends/oip/infer_loop.h"
#include "worker/backends/serving/server_settings.h"

namespace millrace::backends::oip {
namespace {

constexpr milliseconds kIndexTimeout{5'000};
// Intervals between requests for the models: while nothing is served, and after that.
constexpr milliseconds kWaitInterval{1'000};
constexpr milliseconds kIndexInterval{5'000};
constexpr double kIndexJitter = 0.2;
constexpr std::size_t kIndexBytesMax = 16 << 20;

// The models that are ready on one server.
Result<std::vector<std::string>> fetch_index(const std::string& base_url,
                                             const OipOptions& options) {
    const auto url = base_url + "/v2/repository/index";
    http::Request request{.method = "POST",
                          .url = url,
                          .headers = {"Content-Type: application/json"},
                          .body = "{}",
                          .ca_file = options.ca_file,
                          .timeout = kIndexTimeout,
                          .answer_bytes_max = kIndexBytesMax};
    if (!options.api_key.empty()) {
        request.headers.push_back("Authorization: Bearer " + options.api_key);
    }
    TRY(const auto response, http::Client().send(request));
    if (response.status != 200) {
        const auto hint =
            response.status == 401 || response.status == 403 ? "; is the API key correct?" : "";
        return Error{ErrorCode::kUnavailable,
                     fmt::format("{} answered {}{}", url, response.status, hint)};
    }
    return parse_repository_index(response.body);
}

Result<std::vector<std::string>> base_urls_of(const OipOptions& options) {
    std::vector<std::string> base_urls;
    for (const auto& text : options.base_urls) {
        TRY(auto base_url, serving::plain_base_url(text));
        base_urls.push_back(std::move(base_url));
    }
    if (base_urls.empty()) {
        return Error{ErrorCode::kInvalidArgument,
                     "backend.oip.url is empty; give at least one URL"};
    }
    return base_urls;
}

}  // namespace

Status OipBackend::check(const OipOptions& options) {
    TRY_STATUS(base_urls_of(options));
    TRY_STATUS(serving::parse_model_names(options.models));
    return ok();
}

// The backend's thread, and the messages to it.
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
    void serve(std::map<std::string, std::string> models) {
        {
            const MutexLock lock(mutex_);
            models_ = std::move(models);
        }
        loop_.wakeup();
    }
    bool runs_alone(const std::string& model) const { return loop_.runs_alone(model); }

 private:
    void run() {
        for (bool closed = false; !closed;) {
            adopt();
            auto news = inbox_.take();
            closed = news.closed;
            for (auto& batch : news.batches) loop_.begin(std::move(batch));
            for (const auto& [key, reason] : news.aborts) loop_.abort(key, reason);
            loop_.step();
            if (!closed) loop_.wait();
        }
        loop_.end_all();
    }

    void adopt() {
        std::optional<std::map<std::string, std::string>> models;
        {
            const MutexLock lock(mutex_);
            models = std::exchange(models_, std::nullopt);
        }
        if (models) loop_.serve(*models);
    }

    ExecutionSink& sink_;
    Inbox inbox_;
    Mutex mutex_;
    std::optional<std::map<std::string, std::string>> models_ GUARDED_BY(mutex_);  // From serve().
    InferLoop loop_;
    runtime::Thread thread_;  // Last: it uses all of the above.
};

OipBackend::OipBackend(OipOptions options) : options_(std::move(options)) {
    CHECK(options_.slots >= 1 && options_.batch_max >= 1);
    serving::init_curl();
}

OipBackend::~OipBackend() {
    stop();
}

Status OipBackend::start(ExecutionSink& sink) {
    CHECK(!loop_);
    TRY(const auto base_urls, base_urls_of(options_));
    TRY(auto named, serving::parse_model_names(options_.models));
    const bool are_named = !named.empty();
    if (are_named) {
        const MutexLock lock(mutex_);
        models_ = std::move(named);
    } else {
        look(base_urls);
    }
    loop_ = std::make_unique<Loop>(options_, models(), base_urls, sink);
    if (are_named) return ok();
    watch_ = std::make_unique<runtime::Periodic>(
        runtime::PeriodicOptions{
            .name = "oip-models", .interval = kWaitInterval, .jitter = kIndexJitter},
        [this, base_urls, &sink, next = system_clock().now()]() mutable {
            const auto now = system_clock().now();
            if (!models().empty() && now < next) return;
            next = now + kIndexInterval;
            const auto before = models();
            look(base_urls);
            const auto after = models();
            if (after == before) return;
            // The loop comes first, so that it can run every model that is announced.
            loop_->serve(after);
            sink.changed();
        });
    return ok();
}

// Takes the models of the first server that has any. If no server answers, they stay as they are;
// if those that answer have none, there are none.
void OipBackend::look(const std::vector<std::string>& base_urls) {
    std::map<std::string, std::string> models;
    std::string problem;
    bool is_told = false;
    for (const auto& base_url : base_urls) {
        if (is_over_) return;
        const auto names = fetch_index(base_url, options_);
        is_told = is_told || names.has_value();
        if (!names.has_value()) {
            problem = names.error().message;
        } else if (names->empty()) {
            problem = base_url + " has no model";
        } else {
            for (const auto& name : *names) models.emplace(name, name);
            problem.clear();
            break;
        }
    }
    bool is_news = false;
    {
        const MutexLock lock(mutex_);
        // A server that is down may be starting again with the models that it had.
        if (is_told) models_ = std::move(models);
        if (!models_.empty()) problem.clear();
        is_news = problem != waits_for_;
        waits_for_ = problem;
    }
    if (!is_news || problem.empty()) return;
    log_warning("waiting for a model server", {{"reason", problem}});
}

std::map<std::string, std::string> OipBackend::models() const {
    const MutexLock lock(mutex_);
    return models_;
}

void OipBackend::stop() {
    is_over_ = true;
    if (watch_) watch_->stop();
    if (loop_) loop_->stop();
}

BackendInfo OipBackend::info() const {
    const MutexLock lock(mutex_);
    BackendInfo info{.name = "oip",
                     .slots = options_.slots,
                     .batch_max = options_.batch_max,
                     .waits_for = waits_for_};
    for (const auto& [name, _] : models_) info.models.push_back(name);
    return info;
}

std::string OipBackend::batch_key(const JobSpec& spec) const {
    if (!loop_) return spec.model;
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

}  // namespace millrace::backends::oip

#include "worker/backends/openai/openai_backend.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "common/base/check.h"
#include "worker/backends/openai/endpoint_request.h"
#include "worker/backends/openai/survey.h"

namespace millrace::backends::openai {

namespace {

// Keeps the workers of a fleet from asking in step.
constexpr double kJitter = 0.2;

Result<std::vector<Endpoint>> endpoints_of(const OpenAiOptions& options) {
    return parse_endpoints(
        options.base_urls,
        {.slots = options.slots, .profile = options.profile, .models = options.models});
}

}  // namespace

Status OpenAiBackend::check(const OpenAiOptions& options) {
    TRY_STATUS(endpoints_of(options));
    return ok();
}

OpenAiBackend::OpenAiBackend(OpenAiOptions options)
    : options_(std::move(options)), slots_(options_.slots) {
    CHECK(options_.slots >= 1);
    serving::init_curl();
}

OpenAiBackend::~OpenAiBackend() {
    stop();
}

Status OpenAiBackend::start(ExecutionSink& sink) {
    CHECK(!loop_);
    TRY(auto endpoints, endpoints_of(options_));
    survey_ = std::make_unique<Survey>(
        std::move(endpoints), SurveyOptions{.api_key = options_.api_key,
                                            .connect = {options_.connect_timeout, options_.ca_file},
                                            .timeout = options_.models_timeout,
                                            .warm_up = options_.warm_up,
                                            .interval = options_.models_interval});
    survey_->look(system_clock().now());
    slots_ = slots_of(survey_->endpoints());
    take_over();
    loop_ = std::make_unique<OpenAiLoop>(
        LoopOptions{.api_key = options_.api_key,
                    .connections_max = slots_,
                    .connect = {options_.connect_timeout, options_.ca_file},
                    .stall_timeout = options_.stall_timeout,
                    .output_bytes_max = options_.output_bytes_max},
        survey_->endpoints(), sink);
    watch_ = std::make_unique<runtime::Periodic>(
        runtime::PeriodicOptions{
            .name = "openai-survey", .interval = Survey::kWaitInterval, .jitter = kJitter},
        [this, &sink] { look(sink); });
    return ok();
}

void OpenAiBackend::look(ExecutionSink& sink) {
    const bool has_changed = survey_->look(system_clock().now());
    take_over();
    if (!has_changed) return;
    // The loop comes first, so that it can run every model that is announced.
    loop_->serve(survey_->endpoints());
    sink.changed();
}

void OpenAiBackend::take_over() {
    std::set<std::string> models;
    for (const auto& endpoint : survey_->endpoints()) {
        for (const auto& [name, _] : endpoint.models) models.insert(name);
    }
    auto waits_for = survey_->waits_for();
    const MutexLock lock(mutex_);
    models_.assign(models.begin(), models.end());
    waits_for_ = std::move(waits_for);
}

void OpenAiBackend::stop() {
    if (survey_) survey_->stop();
    if (watch_) watch_->stop();
    if (loop_) loop_->stop();
}

BackendInfo OpenAiBackend::info() const {
    const MutexLock lock(mutex_);
    return {.name = "openai",
            .models = models_,
            .slots = slots_,
            .batch_max = 1,
            .is_preemptible = true,
            .waits_for = waits_for_};
}

std::string OpenAiBackend::batch_key(const JobSpec& spec) const {
    const auto prefix = request_prefix(spec.input_json);
    return prefix ? fmt::format("{} {:x}", spec.model, *prefix) : spec.model;
}

void OpenAiBackend::run(std::vector<Execution> batch) {
    CHECK(loop_);
    loop_->run(std::move(batch));
}

void OpenAiBackend::abort(const AttemptKey& key, AbortReason reason) {
    CHECK(loop_);
    loop_->abort({key, reason});
}

}  // namespace millrace::backends::openai

#include "worker/app/backends_table.h"

#include <array>
#include <cmath>

#include "common/http/curl_rules.h"
#include "worker/backends/oip/oip_backend.h"
#include "worker/backends/openai/openai_backend.h"
#include "worker/backends/process/process_backend.h"
#include "worker/backends/serving/server_settings.h"
#include "worker/backends/synthetic/synthetic_backend.h"
#ifdef MILLRACE_WITH_LLAMA
#include "worker/backends/llama/models.h"
#endif

namespace millrace::worker {
namespace {

using config::Config;
using config::Setting;
using Backends = std::vector<std::unique_ptr<backends::Backend>>;
using Made = Result<std::unique_ptr<backends::Backend>>;

struct Row {
    bool (*is_on)(const Config&);
    Status (*add)(const Config&, Backends&);
    Status (*check)(const Config&);  // Settings whose form only the backend knows.
};

template <Made (*make)(const Config&)>
Status add(const Config& config, Backends& backends) {
    TRY(auto backend, make(config));
    backends.push_back(std::move(backend));
    return ok();
}

std::chrono::microseconds from_ms(double ms) {
    return std::chrono::microseconds(std::llround(ms * 1000));
}

Made make_synthetic(const Config& config) {
    return std::make_unique<backends::synthetic::SyntheticBackend>(
        backends::synthetic::SyntheticOptions{
            .base = from_ms(config.get<Setting::kBackendSyntheticBaseMs>()),
            .per_item = from_ms(config.get<Setting::kBackendSyntheticPerItemMs>()),
            .slots = static_cast<std::size_t>(config.get<Setting::kBackendSyntheticSlots>()),
            .batch_max = static_cast<std::size_t>(config.get<Setting::kBackendSyntheticBatchMax>()),
            .has_faults = config.get<Setting::kBackendSyntheticFaults>(),
            .seed = static_cast<std::uint64_t>(config.get<Setting::kBackendSyntheticSeed>())});
}

Result<backends::openai::OpenAiOptions> openai_options(const Config& config) {
    const auto& ca_file = config.get<Setting::kBackendOpenaiCaFile>();
    TRY_STATUS(http::check_ca_file("backend.openai.ca_file", ca_file));
    TRY(auto api_key, backends::serving::clean_api_key(
                          "backend.openai.api_key", config.get<Setting::kBackendOpenaiApiKey>()));
    return backends::openai::OpenAiOptions{
        .base_urls = config.get<Setting::kBackendOpenaiUrl>(),
        .models = config.get<Setting::kBackendOpenaiModels>(),
        .api_key = std::move(api_key),
        .ca_file = ca_file,
        .profile = config.get<Setting::kBackendOpenaiProfile>(),
        .slots = static_cast<std::size_t>(config.get<Setting::kBackendOpenaiSlots>()),
        .connect_timeout = config.get<Setting::kBackendOpenaiConnectTimeout>(),
        .models_interval = config.get<Setting::kBackendOpenaiModelsInterval>(),
        .stall_timeout = config.get<Setting::kBackendOpenaiStallTimeout>(),
        .warm_up = config.get<Setting::kBackendOpenaiWarmUp>(),
        .output_bytes_max = static_cast<std::size_t>(config.get<Setting::kWorkerOutputBytesMax>())};
}

Made make_openai(const Config& config) {
    TRY(auto options, openai_options(config));
    return std::make_unique<backends::openai::OpenAiBackend>(std::move(options));
}

Status check_openai(const Config& config) {
    TRY(const auto options, openai_options(config));
    TRY_STATUS(backends::openai::OpenAiBackend::check(options));
    return ok();
}

Made make_process(const Config& config) {
    TRY(auto devices, parse_devices(config.get<Setting::kBackendProcessDevices>()));
    return std::make_unique<backends::process::ProcessBackend>(backends::process::ProcessOptions{
        .command = config.get<Setting::kBackendProcessCommand>(),
        .models = config.get<Setting::kBackendProcessModels>(),
        .slots = config.size<Setting::kBackendProcessSlots>(),
        .batch_max = config.size<Setting::kBackendProcessBatchMax>(),
        .devices = std::move(devices),
        .environment = config.get<Setting::kBackendProcessEnvironment>(),
        .start_timeout = config.get<Setting::kBackendProcessStartTimeout>(),
        .grace = config.get<Setting::kBackendProcessGrace>(),
        .restart_delay_max = config.get<Setting::kBackendProcessRestartDelayMax>(),
        .failures_max = config.integer<Setting::kBackendProcessFailuresMax>(),
        .memory_bytes_max = config.size<Setting::kBackendProcessMemoryMax>(),
        .output_bytes_max = config.size<Setting::kWorkerOutputBytesMax>()});
}

Result<backends::oip::OipOptions> oip_options(const Config& config) {
    const auto& ca_file = config.get<Setting::kBackendOipCaFile>();
    TRY_STATUS(http::check_ca_file("backend.oip.ca_file", ca_file));
    TRY(auto api_key, backends::serving::clean_api_key("backend.oip.api_key",
                                                       config.get<Setting::kBackendOipApiKey>()));
    return backends::oip::OipOptions{
        .base_urls = config.get<Setting::kBackendOipUrl>(),
        .models = config.get<Setting::kBackendOipModels>(),
        .api_key = std::move(api_key),
        .ca_file = ca_file,
        .slots = config.size<Setting::kBackendOipSlots>(),
        .batch_max = config.size<Setting::kBackendOipBatchMax>(),
        .connect_timeout = config.get<Setting::kBackendOipConnectTimeout>(),
        .timeout = config.get<Setting::kBackendOipTimeout>(),
        .output_bytes_max = config.size<Setting::kWorkerOutputBytesMax>()};
}

Made make_oip(const Config& config) {
    TRY(auto options, oip_options(config));
    return std::make_unique<backends::oip::OipBackend>(std::move(options));
}

Status check_oip(const Config& config) {
    TRY(const auto options, oip_options(config));
    TRY_STATUS(backends::oip::OipBackend::check(options));
    return ok();
}

Status check_nothing(const Config&) {
    return ok();
}

#ifdef MILLRACE_WITH_LLAMA
// One backend for each model.
Status add_llama(const Config& config, Backends& backends) {
    TRY(auto devices, parse_devices(config.get<Setting::kBackendLlamaDevices>()));
    const backends::llama::LlamaOptions common{
        .slots = config.integer<Setting::kBackendLlamaSlots>(),
        .context_tokens = config.integer<Setting::kBackendLlamaContext>(),
        .batch_tokens = config.integer<Setting::kBackendLlamaBatch>(),
        .step_time = config.get<Setting::kBackendLlamaStepTime>(),
        .saved_bytes_max = config.size<Setting::kBackendLlamaSavedBytesMax>(),
        .threads = config.integer<Setting::kBackendLlamaThreads>(),
        .devices = std::move(devices),
        .output_tokens_default = config.integer<Setting::kBackendLlamaOutputTokensDefault>(),
        .output_bytes_max = config.size<Setting::kWorkerOutputBytesMax>()};
    TRY(const auto models,
        backends::llama::options_of_models(
            common, {.paths = config.get<Setting::kBackendLlamaModel>(),
                     .names = config.get<Setting::kBackendLlamaName>(),
                     .memory_bytes_max = config.size<Setting::kBackendLlamaMemoryMax>()}));
    for (const auto& model : models)
        backends.push_back(std::make_unique<backends::llama::LlamaBackend>(model));
    return ok();
}
#else
Status add_llama(const Config&, Backends&) {
    return Error{ErrorCode::kInvalidArgument,
                 "backend.llama.model is set, but this build has no llama.cpp: run "
                 "deploy/fetch-llama.sh and build again"};
}
#endif

constexpr std::array kRows{
    Row{[](const Config& c) { return c.get<Setting::kBackendSyntheticEnabled>() == "true"; },
        add<make_synthetic>, check_nothing},
    Row{[](const Config& c) { return !c.get<Setting::kBackendLlamaModel>().empty(); }, add_llama,
        check_nothing},
    Row{[](const Config& c) { return !c.get<Setting::kBackendOpenaiUrl>().empty(); },
        add<make_openai>, check_openai},
    Row{[](const Config& c) { return !c.get<Setting::kBackendProcessCommand>().empty(); },
        add<make_process>, check_nothing},
    Row{[](const Config& c) { return !c.get<Setting::kBackendOipUrl>().empty(); }, add<make_oip>,
        check_oip},
};

// The backends that the settings switch on; if there are none, the synthetic one, unless it is
// switched off.
std::vector<const Row*> rows_of(const Config& config) {
    std::vector<const Row*> rows;
    for (const auto& row : kRows) {
        if (row.is_on(config)) rows.push_back(&row);
    }
    const bool may_stand_in = config.get<Setting::kBackendSyntheticEnabled>() == "auto";
    if (rows.empty() && may_stand_in) rows.push_back(&kRows.front());
    return rows;
}

}  // namespace

Status check_backends(const Config& config) {
    for (const auto* row : rows_of(config)) TRY_STATUS(row->check(config));
    return ok();
}

Result<std::vector<std::unique_ptr<backends::Backend>>> make_backends(const Config& config) {
    Backends backends;
    for (const auto* row : rows_of(config)) TRY_STATUS(row->add(config, backends));
    return backends;
}

}  // namespace millrace::worker

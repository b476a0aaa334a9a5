#include "worker/backends/oip/metadata_fetch.h"

#include <utility>

namespace millrace::backends::oip {
namespace {

constexpr std::size_t kAnswerBytesMax = 4 << 20;
constexpr milliseconds kTimeout{10'000};

}  // namespace

MetadataFetch::MetadataFetch(serving::HttpMulti& multi, const OipOptions& options,
                             std::string base_url, std::string model_path, OnDone on_done)
    : multi_(multi),
      options_(options),
      base_url_(std::move(base_url)),
      model_path_(std::move(model_path)),
      on_done_(std::move(on_done)) {
    ask(Step::kServer);
}

MetadataFetch::~MetadataFetch() {
    if (call_) multi_.stop(*call_);
}

void MetadataFetch::ask(Step step) {
    const auto path = step == Step::kServer  ? "/v2"
                      : step == Step::kModel ? model_path_
                                             : model_path_ + "/config";
    auto request = make_request(options_, base_url_ + path);
    request.timeout = std::min(kTimeout, options_.timeout);
    request.answer_bytes_max = kAnswerBytesMax;
    call_ = std::make_unique<serving::HttpCall>(
        std::move(request), [this, step](serving::HttpEnd end) { take(step, end); });
    multi_.start(*call_);
}

void MetadataFetch::take(Step step, serving::HttpEnd end) {
    const auto call = std::move(call_);
    const auto on_done = on_done_;
    if (auto error = error_of(end, *call, options_)) return on_done(*std::move(error));
    if (end == serving::HttpEnd::kTooLarge)
        return on_done(invalid_response("its metadata is too large"));
    const auto next = read(step, call->body());
    if (!next.has_value()) return on_done(invalid_response(next.error().message));
    if (*next) return ask(**next);
    on_done(std::move(model_));
}

millrace::Result<std::optional<MetadataFetch::Step>> MetadataFetch::read(Step step,
                                                                         const std::string& body) {
    switch (step) {
        case Step::kServer: {
            TRY(server_, parse_server_metadata(body));
            return std::optional(Step::kModel);
        }
        case Step::kModel: {
            TRY(model_, parse_model_metadata(body));
            model_.binary = server_.binary;
            if (server_.has_config) return std::optional(Step::kConfig);
            break;
        }
        case Step::kConfig:
            TRY_STATUS(apply_config(body, model_));
            break;
    }
    return std::optional<Step>();
}

}  // namespace millrace::backends::oip

// Asks one server about itself and a model, and combines the answers: GET /v2, the model's metadata
// and, if the server has it, the model's configuration.
//
// Threads:   only the thread of its HttpMulti.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "worker/backends/oip/exchange.h"
#include "worker/backends/oip/model_metadata.h"
#include "worker/backends/serving/http_multi.h"

namespace millrace::backends::oip {

class MetadataFetch {
 public:
    using Result = std::variant<ModelMetadata, ServerError>;
    using OnDone = std::function<void(Result)>;

    // `model_path` is "/v2/models/NAME". `on_done` is called from HttpMulti::step, and may destroy
    // the fetch.
    MetadataFetch(serving::HttpMulti& multi, const OipOptions& options, std::string base_url,
                  std::string model_path, OnDone on_done);
    ~MetadataFetch();
    MetadataFetch(const MetadataFetch&) = delete;
    MetadataFetch& operator=(const MetadataFetch&) = delete;

 private:
    enum class Step { kServer, kModel, kConfig };

    void ask(Step step);
    void take(Step step, serving::HttpEnd end);
    // Returns the next step; nothing after the last one.
    millrace::Result<std::optional<Step>> read(Step step, const std::string& body);

    serving::HttpMulti& multi_;
    const OipOptions& options_;
    const std::string base_url_;
    const std::string model_path_;
    const OnDone on_done_;
    std::unique_ptr<serving::HttpCall> call_;  // The call under way, or null.
    ServerMetadata server_;
    ModelMetadata model_;
};

}  // namespace millrace::backends::oip

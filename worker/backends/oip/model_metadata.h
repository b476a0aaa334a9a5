// What a server reports about itself and a model, and the check whether a job fits the model.
//
// Pure.
// Errors:    kDataCorrupt if an answer does not follow the protocol; kInvalidArgument if a job does
//            not fit, saying what the model requires.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/backends/oip/infer_job.h"

namespace millrace::backends::oip {

// From GET /v2.
struct ServerMetadata {
    bool binary = false;      // Tensors may be sent as bytes: extension "binary_tensor_data".
    bool has_config = false;  // It reports configurations: extension "model_configuration".
};

struct TensorMetadata {
    std::string name;
    std::string datatype;
    std::vector<std::int64_t> shape;  // -1: any. The first is the rows if the model batches.
    bool optional = false;
};

struct ModelMetadata {
    std::vector<TensorMetadata> inputs;   // Empty: the server does not say.
    std::vector<TensorMetadata> outputs;  // The same.
    // The maximum number of rows in a request. 0: the first dimension has another or an unknown
    // meaning, so that every job needs a request of its own.
    std::size_t rows_max = 0;
    bool binary = false;

    bool batches() const { return rows_max > 0; }
};

inline constexpr std::size_t kRowsUnlimited = std::numeric_limits<std::size_t>::max();

Result<ServerMetadata> parse_server_metadata(std::string_view body);

// From GET /v2/models/NAME. Servers without configurations do not report batching. There, a model
// batches if the first dimension of all its inputs and outputs is free (-1).
Result<ModelMetadata> parse_model_metadata(std::string_view body);

// From GET /v2/models/NAME/config (Triton): max_batch_size, and which inputs are optional.
Status apply_config(std::string_view body, ModelMetadata& model);

// Names of the models that are ready, from POST /v2/repository/index.
Result<std::vector<std::string>> parse_repository_index(std::string_view body);

// Whether the job's tensors fit the model.
Status check_job(const ModelMetadata& model, const InferJob& job);

}  // namespace millrace::backends::oip

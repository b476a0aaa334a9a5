// A job's input as a request of the Open Inference Protocol:
//
//   {"inputs": [{"name": "x", "shape": [1,3], "datatype": "FP32", "data": [1,2,3]}],
//    "outputs": [{"name": "y"}], "parameters": {"priority": 1}, "id": "mine"}
//
// Only `inputs` is required. If the model batches, the first dimension of each input is the number
// of the job's rows.
//
// Pure.
// Errors:    kInvalidArgument, with a message that names the member and what it should be.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/backends/oip/tensor.h"

namespace millrace::backends::oip {

struct RequestedOutput {
    std::string name;
    std::string parameters;  // A JSON object as text, or empty.

    bool operator==(const RequestedOutput&) const = default;
};

struct InferJob {
    std::string id;  // The client's own, returned in the answer; empty: none.
    std::vector<Tensor> inputs;
    std::vector<RequestedOutput> outputs;  // Empty: all outputs of the model.
    std::string parameters;                // A JSON object as text, or empty.

    // Requires: the model batches, so each input has a first dimension.
    std::size_t rows() const { return static_cast<std::size_t>(inputs.front().shape.front()); }
};

// Refuses what makes no sense in a queue (sequences, whose requests depend on each other) or is on
// another machine (shared memory). The job does not decide how tensors are sent (binary_data…):
// those parameters are dropped.
Result<InferJob> parse_infer_job(std::string_view input_json);

// Jobs of one model with the same key can be rows of one request: they differ only in the first
// dimension of their inputs and in their data.
std::string infer_key(const InferJob& job);

// The same key from a job's input, without reading its data: takes microseconds for megabytes. The
// result is arbitrary for an input that parse_infer_job refuses.
std::string infer_key(std::string_view input_json);

}  // namespace millrace::backends::oip

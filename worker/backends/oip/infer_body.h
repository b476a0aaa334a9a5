// Writes jobs as the body of one infer request, and splits its answer into the jobs' outcomes.
//
// Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/job/outcome.h"
#include "worker/backends/oip/infer_job.h"

namespace millrace::backends::oip {

// Jobs of one model and one infer_key, or a single job.
using JobsOfRequest = std::span<const InferJob* const>;

struct InferBody {
    std::string bytes;
    // Set if tensors follow the JSON as bytes: the length of the JSON, for the header
    // Inference-Header-Content-Length.
    std::optional<std::size_t> json_bytes;
};

// Joins the rows of all jobs. `id` identifies the request in the server's log.
InferBody make_infer_body(JobsOfRequest jobs, bool binary, std::string_view id);

struct InferAnswer {
    std::string head;  // Members that all jobs get, as JSON: "model_name":"m",…
    std::vector<Tensor> outputs;
};

// `json_bytes` is the value of the answer's header; nothing: the whole body is JSON. Accepts
// deviations from the protocol that servers write and that have only one meaning: bare NaN and
// Infinity, datatypes in lower case, a shape of strings or with one -1, a single element without
// its list. kDataCorrupt for anything else that is not an answer of the protocol, including tensors
// that are longer or shorter than their shape, a name that occurs twice, and an answer without
// tensors.
Result<InferAnswer> parse_infer_answer(std::string_view body,
                                       std::optional<std::size_t> json_bytes);

// Keeps only the outputs that the job asks for, in its order. kDataCorrupt if one is missing.
Status choose_outputs(const InferJob& job, InferAnswer& answer);

// The answer of each job, in order: what the server would have answered to that job alone.
// kInvalidArgument if the rows of an output do not correspond to those of the inputs, so that it is
// unknown which job they belong to. The answer to a single job is always taken unchanged.
Result<std::vector<Outcome>> split_answer(const InferAnswer& answer, JobsOfRequest jobs,
                                          std::size_t output_bytes_max);

}  // namespace millrace::backends::oip

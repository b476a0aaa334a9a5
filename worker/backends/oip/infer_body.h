// Jobs as the body of one infer request, and its answer as the outcomes of the jobs.
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

namespace millrace::worker {

// Jobs of one model and one infer_key, or a single one.
using JobsOfRequest = std::span<const InferJob* const>;

struct InferBody {
    std::string bytes;
    // Set where tensors follow the JSON as bytes: its length, for the header
    // Inference-Header-Content-Length.
    std::optional<std::size_t> json_bytes;
};

// The rows of all jobs, one after another. `id` names the request in the server's log.
InferBody make_infer_body(JobsOfRequest jobs, bool binary, std::string_view id);

struct InferAnswer {
    std::string head;  // Members that all jobs get alike, as JSON: "model_name":"m",…
    std::vector<Tensor> outputs;
};

// `json_bytes` as the answer's header says; nothing: the body is JSON to its end. Bears what
// servers write beside the protocol and only means one thing: bare NaN and Infinity, datatypes in
// small letters, a shape of strings or with one -1, a single element without its list. kDataCorrupt
// for everything else than an answer of the protocol: also tensors that are longer or shorter than
// their shape says, one name twice, and no tensors at all.
Result<InferAnswer> parse_infer_answer(std::string_view body,
                                       std::optional<std::size_t> json_bytes);

// Only the outputs that the job asks for, in its order. kDataCorrupt where one is missing.
Status choose_outputs(const InferJob& job, InferAnswer& answer);

// The answer of each job, in order: what the server would have answered to it alone.
// kInvalidArgument when the rows of an output are not those of the inputs, so that nobody knows
// whose they are; of a single job an answer is always taken as it is.
Result<std::vector<Outcome>> split_answer(const InferAnswer& answer, JobsOfRequest jobs,
                                          std::size_t output_bytes_max);

}  // namespace millrace::worker

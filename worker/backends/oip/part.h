// Parts of a batch: the jobs that share one request. Pure.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <vector>

#include "worker/backends/oip/infer_job.h"
#include "worker/backends/oip/model_metadata.h"

namespace millrace::backends::oip {

using Part = std::vector<std::size_t>;  // Indices of jobs in their batch, ascending.

// The fewest parts, in the order of their first jobs, such that the jobs of each part have the same
// infer_key and together at most `rows_max` rows, and no more than the model accepts. A job that
// has more than `rows_max` by itself gets its own part. `among` holds indices of `jobs`.
std::deque<Part> make_parts(std::span<const InferJob* const> jobs, const Part& among,
                            const ModelMetadata& model, std::size_t rows_max);

// Puts the two halves of a part before the other parts. Requires: at least two jobs.
void push_halves(const Part& part, std::deque<Part>& parts);

}  // namespace millrace::backends::oip

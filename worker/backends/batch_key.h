// The keys by which a backend separates jobs that may not share a model call.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <string>
#include <string_view>

#include "common/job/job.h"

namespace millrace::backends {

// Inputs up to this length, in bytes or in tokens, share a bucket: their costs hardly differ.
inline constexpr std::size_t kShortLength = 256;

// The bucket of a length: a power of two. Padding to the longest length of a bucket wastes less
// than half.
inline std::size_t length_bucket(std::size_t length) {
    return std::bit_ceil(std::max(length, kShortLength));
}

// The key of jobs for one model, of one shape and of about the same length. The shape is the
// operation and each parameter that changes the shape of the tensors, as the backend writes them.
inline std::string batch_key_of(const JobSpec& spec, std::string_view shape, std::size_t length) {
    std::string key = spec.model;
    key.append(1, '\n').append(shape).append(1, '\n');
    return key.append(std::to_string(length_bucket(length)));
}

}  // namespace millrace::backends

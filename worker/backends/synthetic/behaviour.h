// What a job tells the synthetic backend to do, and the output that it makes up for it. Pure.
//
//   {"prompt":"…","synthetic":{"ms":100,"fail":"retryable","fail_attempts":1,
//                              "output_bytes":0,"partials":0,"shape":"512x512"}}
//
// The same input and seed give the same output, whichever worker runs the job.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/job/outcome.h"
#include "worker/backends/request.h"

namespace millrace::worker {

// What happens when the job's time is over, instead of an output.
enum class SyntheticFault { kNone, kRetryable, kPermanent, kCrash, kHang };

struct SyntheticBehaviour {
    milliseconds extra{0};  // "ms": on top of the backend's own cost. At most a day.
    SyntheticFault fault = SyntheticFault::kNone;
    int fault_attempts = 0;        // Attempts that fail, from the first. Absent: all of them.
    std::size_t output_bytes = 0;  // The exact length of the text; 0 is a short sentence.
    int partials = 0;              // Pieces in which the text comes, spread evenly over the time.
    std::string shape;             // Any word: jobs of different shapes do not share a batch.

    bool fails(int attempt) const {
        return fault != SyntheticFault::kNone && attempt <= fault_attempts;
    }
};

struct SyntheticJob {
    ModelRequest request;
    SyntheticBehaviour behaviour;
};

// An unknown or wrong member of "synthetic" is kInvalidArgument and named in the message.
Result<SyntheticJob> parse_synthetic(std::string_view input_json);

// What tells apart the jobs that must not share a batch, but for their length: empty for a job
// without "synthetic".
std::string behaviour_key(std::string_view input_json);

struct SyntheticOutput {
    std::string text;                         // For messages and prompts.
    std::vector<std::vector<float>> vectors;  // For embeddings: one of length 1 for each input.
    std::string_view finish_reason = "stop";
    Usage usage;  // Tokens are words.
};

// `salt` decides the words. An output longer than max_tokens words ends with "length".
SyntheticOutput make_output(const SyntheticJob& job, std::uint64_t salt);

// Deterministic across processes and versions of the standard library.
std::uint64_t stable_hash(std::uint64_t seed, std::string_view text);

}  // namespace millrace::worker

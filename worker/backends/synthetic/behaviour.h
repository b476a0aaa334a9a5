// What a job asks the synthetic backend to do, and the output that is made up for it. Pure.
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

namespace millrace::backends::synthetic {

// What happens instead of an output when the job's time is over.
enum class SyntheticFault { kNone, kRetryable, kPermanent, kCrash, kHang };

struct SyntheticBehaviour {
    milliseconds extra{0};  // "ms": added to the backend's own cost. At most a day.
    SyntheticFault fault = SyntheticFault::kNone;
    int fault_attempts = 0;        // The first attempts, which fail. Absent: all of them.
    std::size_t output_bytes = 0;  // The exact length of the text; 0: a short sentence.
    int partials = 0;              // Number of pieces of the text, spread evenly over the time.
    std::string shape;             // Any word: jobs of different shapes do not share a batch.

    bool fails(int attempt) const {
        return fault != SyntheticFault::kNone && attempt <= fault_attempts;
    }
    // Whether the fault concerns more than this job: its worker, or a slot.
    bool harms_others() const {
        return fault == SyntheticFault::kCrash || fault == SyntheticFault::kHang;
    }
};

struct SyntheticJob {
    ModelRequest request;
    SyntheticBehaviour behaviour;
};

// An unknown or wrong member of "synthetic" is kInvalidArgument; the message names it.
Result<SyntheticJob> parse_synthetic(std::string_view input_json);

// The part of the batch key that comes from "synthetic": jobs that differ in it must not share a
// batch. Empty for a job without "synthetic". Does not cover the length.
std::string behaviour_key(std::string_view input_json);

struct SyntheticOutput {
    std::string text;                         // For messages and prompts.
    std::vector<std::vector<float>> vectors;  // For embeddings: one of length 1 per input.
    std::string_view finish_reason = "stop";
    Usage usage;  // Words count as tokens.
};

// `salt` determines the words. An output longer than max_tokens words ends with "length".
SyntheticOutput make_output(const SyntheticJob& job, std::uint64_t salt);

// Deterministic across processes and versions of the standard library.
std::uint64_t stable_hash(std::uint64_t seed, std::string_view text);

}  // namespace millrace::backends::synthetic

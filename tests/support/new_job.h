// Jobs as a store takes them, with an encoded spec that agrees with the rest.
#pragma once

#include <string>

#include "common/storage/records.h"
#include "common/wire/messages.h"

namespace millrace::test {

inline storage::NewJob new_job(const JobId& id, const JobSpec& spec) {
    return {.id = id,
            .terms = spec,
            .metadata_json = spec.metadata_json,
            .encoded_spec = wire::encode_spec(spec)};
}

// The spec of a new job with this input.
inline JobSpec spec_of(const storage::NewJob& job, const std::string& input_json) {
    return {job.terms, input_json, job.metadata_json};
}

}  // namespace millrace::test

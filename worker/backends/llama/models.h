// The GGUF models of one worker: their names, and whether all of them fit into memory, estimated
// from the files before any is loaded.
//
// All of them stay loaded (docs/decisions/0008-models-stay-loaded.md).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/backends/llama/llama_backend.h"

namespace millrace::backends::llama {

struct LlamaModels {
    std::vector<std::string> paths;
    std::vector<std::string> names;    // One for each path, or none: then the files' names.
    std::size_t memory_bytes_max = 0;  // The limit of all together; 0: none.
};

// Returns the options of each model's backend, otherwise as in `common`. If `common` leaves the
// threads open, the models share the processors.
//
// Errors: kInvalidArgument (not as many names as paths, a name twice, no GGUF file), kNotFound,
// kResourceExhausted (too large together; the message gives the size of each).
Result<std::vector<LlamaOptions>> options_of_models(const LlamaOptions& common,
                                                    const LlamaModels& models);

struct LlamaMemory {
    std::size_t weights = 0;
    std::size_t context = 0;
};
// Estimates a model's memory: its file, and keys and values of all tokens at 16 bits.
Result<LlamaMemory> memory_of_model(const std::string& path, int context_tokens);

}  // namespace millrace::backends::llama

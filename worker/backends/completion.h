// The outputs of backends that build them themselves, in the shapes of the OpenAI API, so that a
// job's result looks the same from every backend: a "chat.completion" object for messages, a
// "text_completion" for a prompt, a "list" of "embedding" objects for input.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/job/outcome.h"
#include "worker/backends/request.h"

namespace millrace::backends {

struct Completion {
    RequestKind kind = RequestKind::kChat;  // kChat or kCompletion.
    std::string id;
    std::string model;
    std::string text;
    std::string_view finish_reason;  // "stop" or "length".
    Usage usage;
};

// One line of JSON. Bytes of the text that are not valid UTF-8 become U+FFFD.
std::string completion_json(const Completion& completion, WallTime created);

// `vectors` are in the order of the inputs.
std::string embeddings_json(std::string_view model, std::span<const std::vector<float>> vectors,
                            const Usage& usage);

}  // namespace millrace::backends

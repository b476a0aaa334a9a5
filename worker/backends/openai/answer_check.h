// The checks that an answer must pass, streamed or not. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "common/base/clock.h"
#include "common/job/outcome.h"
#include "common/json/json_view.h"
#include "worker/backends/request.h"

namespace millrace::backends::openai {

struct ExpectedAnswer {
    RequestKind kind = RequestKind::kChat;
    // Choices of a completion, or vectors of embeddings. Absent if the request does not determine
    // it.
    std::optional<std::size_t> count;
    std::size_t output_bytes_max = 0;
};

// The meaning of a finish reason. Servers that have not finished send null, "" or "null".
enum class Finish { kNone, kFinished, kAborted };
Finish finish_of(const json_text::JsonView& reason);

// Returns the error in an object, from any of the places where servers put it: "error" (an object,
// a text, a number), "detail", "errors", {"object":"error",…}, {"code":…,"message":…}. In an object
// with choices, data or usage, only "error" counts.
// `took`, here and below: from the request to the error.
std::optional<Outcome> error_in(const json_text::JsonView& object, milliseconds took = {});
// For the value of "error", of any type. `depth`: the number of enclosing errors.
Outcome error_outcome(const json_text::JsonView& error, milliseconds took = {}, int depth = 0);
// For the data of an event of type "error".
Outcome error_event_outcome(std::string_view data, milliseconds took = {});

// "it has 1 of the 2 choices that were asked for"
Outcome wrong_count(std::size_t count, std::size_t expected, std::string_view what);

// The outcome of an answer that came as one JSON object: embeddings, images, or a completion from a
// server that does not stream. The output is the body as it came.
Outcome unstreamed_outcome(const ExpectedAnswer& expected, std::string_view body,
                           milliseconds took = {});

}  // namespace millrace::backends::openai

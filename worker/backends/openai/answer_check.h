// What is asked of an answer, streamed or not, before it is one. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "common/job/outcome.h"
#include "common/json/json_view.h"
#include "worker/backends/request.h"

namespace millrace::worker {

struct ExpectedAnswer {
    RequestKind kind = RequestKind::kChat;
    // Choices of a completion, vectors of embeddings. Absent where that cannot be told.
    std::optional<std::size_t> count;
    std::size_t output_bytes_max = 0;
};

// Deeper values are no answer, and could be read by nobody.
inline constexpr int kAnswerDepthMax = 200;

// What a finish reason says. Servers that have nothing to say yet send null, "" or "null".
enum class Finish { kNone, kFinished, kAborted };
Finish finish_of(const json_text::JsonView& reason);

// The error that an object tells of in one of the places where servers put it: "error" (an object,
// a text, a number), "detail", "errors", {"object":"error",…}, {"code":…,"message":…}. An object
// with choices, data or usage has an error only by the first name.
std::optional<Outcome> error_in(const json_text::JsonView& object);
// For the value of "error", whatever it is. `depth`: in so many others.
Outcome error_outcome(const json_text::JsonView& error, int depth = 0);
// For the data of an event of type "error".
Outcome error_event_outcome(std::string_view data);

// "it has 1 of the 2 choices that were asked for"
Outcome wrong_count(std::size_t count, std::size_t expected, std::string_view what);

// The outcome of an answer that came as one JSON object: embeddings, images, or a completion by a
// server that does not stream. The output is the body as it came.
Outcome unstreamed_outcome(const ExpectedAnswer& expected, std::string_view body);

}  // namespace millrace::worker

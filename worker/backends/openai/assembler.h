// Puts the chunks of a streamed completion together to the object that the same request would have
// been answered with unstreamed. Understands chat and text completions, several choices, tool
// calls, and members that only some servers send (reasoning, timings).
//
// Threads:   one caller at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/job/outcome.h"
#include "worker/backends/request.h"

namespace millrace::worker {

class Assembler {
 public:
    // `kind` is kChat or kCompletion; `output_bytes_max` bounds the text of all choices together.
    Assembler(RequestKind kind, std::size_t output_bytes_max);
    ~Assembler();

    // Takes one event's data and adds the text of the first choice to `partial`. Returns the
    // attempt's outcome when this event ends it: an error of the server's, garbage, too much
    // output.
    std::optional<Outcome> add(std::string_view data, std::string& partial);

    bool has_events() const { return has_events_; }
    // The server said that this is all ([DONE], or every choice has a finish reason).
    bool complete() const;
    // Requires: complete().
    Outcome outcome() const;

 private:
    struct State;

    std::optional<Outcome> add_chunk(std::string_view data, std::string& partial);

    const RequestKind kind_;
    const std::size_t output_bytes_max_;
    bool has_events_ = false;
    bool done_ = false;
    std::unique_ptr<State> state_;
};

// The outcome of an answer that came as one JSON object: embeddings, images, or a completion by a
// server that does not stream.
Outcome unstreamed_outcome(RequestKind kind, std::string_view body);

}  // namespace millrace::worker

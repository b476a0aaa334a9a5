// Assembles the chunks of a streamed completion into the object that the same request would have
// returned unstreamed, and makes sure that it is whole. Supports chat and text completions, several
// choices, tool calls, and members that only some servers send (reasoning, timings).
//
// A stream is whole when it has the requested number of choices, each with a finish reason that
// came with its last text or after it, followed by [DONE], by usage, or by a clean end of the
// connection. [DONE] proves nothing, and neither does usage before it: proxies write both
// themselves when the server behind them has broken off. A finish reason that appears in every
// chunk proves nothing either (docs/decisions/0011-a-whole-answer-has-a-finish-reason.md).
//
// Threads:   one caller at a time.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/http/sse_parser.h"
#include "common/job/outcome.h"
#include "worker/backends/openai/answer_check.h"
#include "worker/backends/openai/merged.h"
#include "worker/backends/openai/message.h"

namespace millrace::backends::openai {

class Assembler {
 public:
    // Requires: the kind is kChat or kCompletion.
    explicit Assembler(const ExpectedAnswer& expected);

    // Takes one event, and appends the text of the first choice to `partial`, whole characters
    // only. Returns the attempt's outcome if this event makes it fail: a server error, an invalid
    // event, too much output, or [DONE] too soon. Ignores everything after [DONE]. `took`: from the
    // request to the event.
    std::optional<Outcome> add(const http::ServerEvent& event, std::string& partial,
                               milliseconds took = {});

    enum class End {
        kOpen,
        kFinished,  // Every choice has a finish reason; whole if the connection ends cleanly.
        kCounted,   // Usage has come after them: whole.
        kDone,      // [DONE]: whole, or add() has returned what is missing.
    };
    End end() const;

    // Returns kCompleted if the stream is whole, else a failure that names what is missing.
    // `clean`: the server ended the stream in order.
    Outcome outcome(bool clean) const;

 private:
    // The whole message so far, which some servers send with the deltas or instead of them.
    struct Summary {
        Message message;
        std::string text;

        bool goes_on_from(const Summary& before) const;
    };
    struct Choice {
        Message message;  // kChat: assembled from the deltas.
        std::optional<Summary> summary;
        std::string text;  // kCompletion
        bool has_content = false;
        MergedObject rest;  // finish_reason, logprobs, …
        std::size_t rest_bytes = 0;
        bool finished = false;  // The finish reason came with the last text or after it.
        bool spoke_on = false;  // Text came after a finish reason, which then did not mark the end.
        bool repeats = false;   // Such text has a finish reason too: none of them marks the end.

        // The message from the deltas, or the summary's if the deltas contain no answer.
        const Message& answer() const;
        std::size_t content_bytes() const;
        std::size_t answer_bytes() const { return answer().bytes() + text.size(); }
        std::size_t spoken_bytes() const { return answer().spoken_bytes() + text.size(); }
    };
    using Members = std::vector<json_text::JsonMember>;

    std::optional<Outcome> add_data(std::string_view data, bool is_checked, bool is_error,
                                    std::string& partial);
    std::optional<Outcome> add_chunk(const json_text::JsonView& chunk, std::string& partial);
    std::optional<Outcome> add_choices(const json_text::JsonView& list, std::string& text);
    std::optional<Outcome> add_choice(Choice& choice, const Members& delta, std::string& text);
    std::optional<Outcome> add_finish(Choice& choice, const json_text::JsonView& reason);
    bool add_content(Choice& choice, const json_text::JsonMember& member, std::string& text) const;
    static std::optional<Outcome> add_summary(Choice& choice, const json_text::JsonView& message,
                                              std::string& text);
    void show(std::string_view text, std::string& partial);

    bool has_expected_count() const;
    std::size_t finished_choices() const;
    bool any_of(bool Choice::*sign) const;
    bool is_whole(bool clean) const;
    Outcome what_is_missing() const;
    std::string output() const;
    Usage usage() const;

    const ExpectedAnswer expected_;
    MergedObject answer_;  // Everything except the choices, whose place in it is reserved.
    std::map<std::size_t, Choice> choices_;
    std::size_t content_bytes_ = 0;  // Of all choices.
    std::size_t other_bytes_ = 0;
    bool counted_ = false;  // Usage came after the last text, in a chunk of its own.
    bool done_ = false;
    milliseconds took_{0};  // To the event that is being added.
    std::string held_;  // The end of the first choice's text while it is an incomplete character.
};

}  // namespace millrace::backends::openai

// A running job's text as one reader has it, put together from deltas, which may come twice, late
// or not at all, and from the whole text so far, which its row has now and then.
//
// A delta says at which byte of its attempt's text it begins: so what the reader has already is
// left out, and what comes after a hole waits until the row has filled it. What the reader is given
// is the text from its beginning, byte for byte, at any time.
//
// Threads: values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/clock.h"
#include "common/job/job.h"

namespace millrace::api {

// How much a reader has: the first `bytes` of an attempt's text. The hash is theirs, so that
// another text is not taken for more of it.
struct TextCursor {
    Epoch epoch = 0;
    std::uint64_t bytes = 0;
    std::uint64_t hash = 0xcbf29ce484222325;  // Of nothing.

    void append(std::string_view text);
    // Whether the text begins with what the reader has.
    bool begins(std::string_view text) const;

    // As an event's id: "2-1234-89abcdef01234567".
    std::string str() const;
    static std::optional<TextCursor> parse(std::string_view id);
};

class OutputText {
 public:
    // Deltas beyond a hole that are kept until it is filled, in bytes; what is more is found in the
    // row, too.
    static constexpr std::size_t kHeldMax = 1 << 20;

    explicit OutputText(TextCursor reader = {}) : reader_(reader) {}

    const TextCursor& reader() const { return reader_; }
    // Whether there is text that the reader cannot be given yet.
    bool has_hole() const { return seen_ > reader_.bytes; }

    // Each returns what the reader is to append now; often nothing.
    std::string take(std::uint64_t offset, std::string_view delta);
    // The text from its beginning. Nothing where it does not begin with what the reader has.
    std::string take_whole(std::string_view text);

 private:
    std::string give(std::string text);

    TextCursor reader_;
    std::uint64_t seen_ = 0;                     // Where the furthest delta ended.
    std::map<std::uint64_t, std::string> held_;  // By their offsets.
    std::size_t held_bytes_ = 0;
};

// How soon the row is read again while text is missing: soon at first, as it lags a little, and
// then ever later, as it may never have that text.
class FillPace {
 public:
    static constexpr milliseconds kMin{250};
    static constexpr milliseconds kMax{5000};

    milliseconds next() { return std::exchange(wait_, std::min(2 * wait_, kMax)); }

 private:
    milliseconds wait_ = kMin;
};

// The text in an output of the usual shapes: {"text": …}, or the one choice of a chat or
// completion. Nothing where it has another.
std::optional<std::string> text_of_output(std::string_view output_json);

}  // namespace millrace::api

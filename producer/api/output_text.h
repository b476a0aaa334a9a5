// One reader's copy of a running job's text. It is assembled from deltas, which may arrive twice,
// late or never, and from the whole text so far, which the job's row has from time to time.
//
// A delta says at which byte of its attempt's text it begins. So whatever the reader already has is
// skipped, and whatever follows a hole waits until the row has filled the hole. At any time the
// reader has received the text from its beginning, byte for byte.
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

// How much a reader has: the first `bytes` of an attempt's text. The hash covers those bytes, so
// that a different text is not taken for a continuation.
struct TextCursor {
    Epoch epoch = 0;
    std::uint64_t bytes = 0;
    std::uint64_t hash = 0xcbf29ce484222325;  // The hash of no bytes.

    void append(std::string_view text);
    // Whether the text begins with what the reader already has.
    bool begins(std::string_view text) const;

    // The cursor as an event's id: "2-1234-89abcdef01234567".
    std::string str() const;
    static std::optional<TextCursor> parse(std::string_view id);
};

class OutputText {
 public:
    // The most bytes of deltas beyond a hole that are kept until it is filled. The rest is dropped
    // and read from the row later.
    static constexpr std::size_t kHeldMax = 1 << 20;

    explicit OutputText(TextCursor reader = {}) : reader_(reader) {}

    const TextCursor& reader() const { return reader_; }
    // Whether there is text that cannot be passed to the reader yet.
    bool has_hole() const { return seen_ > reader_.bytes; }

    // Each of these returns the text to append now; often it is empty.
    std::string take(std::uint64_t offset, std::string_view delta);
    // Takes the attempt's text from its beginning. Returns nothing if that does not begin with what
    // the reader has.
    std::string take_whole(std::string_view text);

 private:
    std::string give(std::string text);

    TextCursor reader_;
    std::uint64_t seen_ = 0;                     // The end of the furthest delta.
    std::map<std::uint64_t, std::string> held_;  // By offset.
    std::size_t held_bytes_ = 0;
};

// How soon to read the row again while text is missing. The first reads follow soon, as the row
// lags a little; later ones are ever further apart, as the row may never get that text.
class FillPace {
 public:
    static constexpr milliseconds kMin{250};
    static constexpr milliseconds kMax{5000};

    milliseconds next() { return std::exchange(wait_, std::min(2 * wait_, kMax)); }

 private:
    milliseconds wait_ = kMin;
};

// The text in an output of a usual shape: {"text": …}, or the only choice of a chat or completion.
// Nothing for other shapes.
std::optional<std::string> text_of_output(std::string_view output_json);

}  // namespace millrace::api

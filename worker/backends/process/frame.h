// How messages travel to a child process and back: the length as four bytes, most significant
// first, then as many bytes of JSON. The form of Erlang's ports ({packet, 4}) and, but for the byte
// order, of browsers' native messaging: a reader needs ten lines in any language, and of what is
// too long only the beginning is ever kept.
//
// Threads:   one caller at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace millrace::worker {

// Adds one frame to what is to be sent. Requires: at most 4 GiB - 1 of JSON.
void append_frame(std::string& bytes, std::string_view json);

// What a child sent, valid until the reader's next append().
struct Frame {
    std::string_view json;
    std::size_t left_out = 0;  // Bytes of a frame that was too long: `json` is its beginning.
};

class FrameReader {
 public:
    // What is kept of a longer frame, to know whose it is.
    static constexpr std::size_t kBeginningBytes = 1024;
    // Whoever prints to the channel announces more than this: lengths of four printable characters.
    static constexpr std::size_t kLongestBytes = 512 << 20;

    explicit FrameReader(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    void append(std::string_view bytes);

    // The next frame; nothing while it is not whole.
    // Errors: kDataCorrupt for what is no frame: it is too long, and begins no object or would be
    // longer than any. Nothing after it can be read.
    Result<std::optional<Frame>> next();

 private:
    Result<std::optional<Frame>> next_of_long_one();

    const std::size_t bytes_max_;
    std::string bytes_;
    std::size_t begin_ = 0;      // Of what next() has not returned yet.
    std::size_t long_size_ = 0;  // Of the frame under way that is too long; 0: none is.
    std::size_t missing_ = 0;    // Of it: bytes that have yet to come and go.
    std::string long_beginning_;
};

}  // namespace millrace::worker

// The encoding of messages to and from a child process: the length as four bytes, most significant
// first, then that many bytes of JSON. It is the format of Erlang's ports ({packet, 4}) and, except
// for the byte order, of browsers' native messaging. A reader takes ten lines in any language, and
// only the beginning of a frame that is too long is ever kept.
//
// Threads:   one caller at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace millrace::backends::process {

// Appends one frame to `bytes`. Requires: at most 4 GiB - 1 of JSON.
void append_frame(std::string& bytes, std::string_view json);

// A frame that a child sent; valid until the reader's next append().
struct Frame {
    std::string_view json;
    std::size_t left_out = 0;  // Bytes cut off a frame that was too long: `json` is its beginning.
};

class FrameReader {
 public:
    // How many bytes are kept of a frame that exceeds `bytes_max`: enough to read its item.
    static constexpr std::size_t kBeginningBytes = 1024;
    // The longest frame that is skipped. A length above it is text that the child printed to the
    // channel: four printable characters, read as a number.
    static constexpr std::size_t kLongestBytes = 512 << 20;

    explicit FrameReader(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    void append(std::string_view bytes);

    // Returns the next frame; nothing while it is incomplete. Errors: kDataCorrupt for a frame that
    // is too long and either begins no object or exceeds kLongestBytes. Nothing after it can be
    // read.
    Result<std::optional<Frame>> next();

 private:
    Result<std::optional<Frame>> next_of_long_one();

    const std::size_t bytes_max_;
    std::string bytes_;
    std::size_t begin_ = 0;      // Of the bytes that next() has not returned yet.
    std::size_t long_size_ = 0;  // Size of a frame under way that is too long; 0: none is.
    std::size_t missing_ = 0;    // Its bytes that have not arrived yet.
    std::string long_beginning_;
};

}  // namespace millrace::backends::process

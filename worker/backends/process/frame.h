// How messages travel to a child process and back: the length as four bytes, most significant
// first, then as many bytes of JSON. The form of Erlang's ports ({packet, 4}) and, but for the byte
// order, of browsers' native messaging: a reader needs ten lines in any language, and a length that
// comes first can be refused before anything is read.
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

class FrameReader {
 public:
    explicit FrameReader(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    void append(std::string_view bytes);

    // The next frame's JSON, valid until the next append(); nothing while it is not whole.
    // Errors: kDataCorrupt for one longer than bytes_max; nothing after it can be read.
    Result<std::optional<std::string_view>> next();

 private:
    const std::size_t bytes_max_;
    std::string bytes_;
    std::size_t begin_ = 0;  // Of what next() has not returned yet.
};

}  // namespace millrace::worker

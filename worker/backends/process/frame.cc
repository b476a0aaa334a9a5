#include "worker/backends/process/frame.h"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <utility>

#include "common/base/check.h"

namespace millrace::backends::process {
namespace {

constexpr std::size_t kHeadBytes = 4;

}  // namespace

void append_frame(std::string& bytes, std::string_view json) {
    CHECK(json.size() <= std::numeric_limits<std::uint32_t>::max());
    const auto size = static_cast<std::uint32_t>(json.size());
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift & 0xFF);
    bytes += json;
}

void FrameReader::append(std::string_view bytes) {
    bytes_.erase(0, begin_);
    begin_ = 0;
    bytes_ += bytes;
}

Result<std::optional<Frame>> FrameReader::next() {
    if (long_size_ > 0) return next_of_long_one();
    const auto rest = std::string_view(bytes_).substr(begin_);
    if (rest.size() < kHeadBytes) return std::optional<Frame>();
    std::size_t size = 0;
    for (const char byte : rest.substr(0, kHeadBytes)) {
        size = size << 8 | static_cast<unsigned char>(byte);
    }
    if (size > bytes_max_) {
        begin_ += kHeadBytes;
        long_size_ = missing_ = size;
        long_beginning_.clear();
        return next_of_long_one();
    }
    if (rest.size() < kHeadBytes + size) return std::optional<Frame>();
    begin_ += kHeadBytes + size;
    return std::optional(Frame{.json = rest.substr(kHeadBytes, size)});
}

Result<std::optional<Frame>> FrameReader::next_of_long_one() {
    const auto rest = std::string_view(bytes_).substr(begin_, missing_);
    long_beginning_ += rest.substr(0, kBeginningBytes - long_beginning_.size());
    begin_ += rest.size();
    missing_ -= rest.size();
    const bool begins_other = !long_beginning_.empty() && long_beginning_.front() != '{';
    if (begins_other || long_size_ > kLongestBytes) {
        return Error{
            ErrorCode::kDataCorrupt,
            fmt::format("a frame of {} bytes, more than the {} allowed", long_size_, bytes_max_)};
    }
    if (missing_ > 0) return std::optional<Frame>();
    const auto left_out = std::exchange(long_size_, 0) - long_beginning_.size();
    return std::optional(Frame{.json = long_beginning_, .left_out = left_out});
}

}  // namespace millrace::backends::process

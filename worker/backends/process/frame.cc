#include "worker/backends/process/frame.h"

#include <fmt/format.h>

#include <cstdint>
#include <limits>

#include "common/base/check.h"

namespace millrace::worker {
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

Result<std::optional<std::string_view>> FrameReader::next() {
    const auto rest = std::string_view(bytes_).substr(begin_);
    if (rest.size() < kHeadBytes) return std::optional<std::string_view>();
    std::size_t size = 0;
    for (const char byte : rest.substr(0, kHeadBytes)) {
        size = size << 8 | static_cast<unsigned char>(byte);
    }
    if (size > bytes_max_) {
        return Error{
            ErrorCode::kDataCorrupt,
            fmt::format("a frame of {} bytes, more than the {} allowed", size, bytes_max_)};
    }
    if (rest.size() < kHeadBytes + size) return std::optional<std::string_view>();
    begin_ += kHeadBytes + size;
    return std::optional(rest.substr(kHeadBytes, size));
}

}  // namespace millrace::worker

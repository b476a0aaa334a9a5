// Assembles a chunked request body (RFC 9112, section 7.1) from pieces of any size.
//
// The parser is strict, so that no two readers of the same bytes see different requests: sizes are
// bare hexadecimal digits, and lines end in CRLF. Extensions and trailers must be well formed. They
// are dropped, and one limit bounds them together.
//
// Threads: a value.
// Owns:    the body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::server {

class ChunkedBody {
 public:
    enum class Status { kMore, kDone, kTooLarge, kMalformed };

    ChunkedBody(std::size_t body_bytes_max, std::size_t framing_bytes_max)
        : body_bytes_max_(body_bytes_max), framing_bytes_max_(framing_bytes_max) {}

    // Consumes the next bytes of the body and returns how many. It consumes fewer than all only
    // once the status is no longer kMore: whatever follows a finished body belongs to the next
    // request.
    std::size_t take(std::string_view text);

    // Becomes kTooLarge as soon as the announced size of a chunk would exceed the limit.
    Status status() const { return status_; }
    // The bytes of the current chunk that are still to come; 0 between two chunks.
    std::uint64_t chunk_left() const { return expected_ == Expected::kData ? chunk_left_ : 0; }
    std::string& body() { return body_; }

 private:
    enum class Expected {
        kSize,
        kBlank,           // After a size; an extension must follow.
        kExtensionBegin,  // Blanks, then its name.
        kExtension,
        kSizeLf,
        kData,
        kDataCr,
        kDataLf,
        kTrailer,  // Or the end of the body.
        kTrailerName,
        kTrailerValue,
        kTrailerLf,
        kEndLf,
    };

    std::size_t take_data(std::string_view text);
    void take_byte(char c);
    void take_size(char c);
    void begin_chunk();
    void expect(bool is_right, Expected next);
    void take_framing(bool is_right);

    const std::size_t body_bytes_max_;
    const std::size_t framing_bytes_max_;
    Status status_ = Status::kMore;
    Expected expected_ = Expected::kSize;
    int size_digits_ = 0;
    std::uint64_t chunk_left_ = 0;
    std::size_t framing_bytes_ = 0;  // Extensions and trailers.
    std::string body_;
};

}  // namespace millrace::server

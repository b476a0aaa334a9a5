// A request body in chunks (RFC 9112, section 7.1), put together from whatever pieces it comes in.
//
// Strict, so that no two readers of the same bytes see different requests: sizes are bare
// hexadecimal digits, lines end in CRLF. Extensions and trailers must be well formed, are dropped,
// and are bounded together.
//
// Threads: a value.
// Owns:    the body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::api {

class ChunkedBody {
 public:
    enum class Status { kMore, kDone, kTooLarge, kMalformed };

    ChunkedBody(std::size_t body_bytes_max, std::size_t framing_bytes_max)
        : body_bytes_max_(body_bytes_max), framing_bytes_max_(framing_bytes_max) {}

    // Takes the body's next bytes off the text; returns how many. Fewer than all only where the
    // status is not kMore any more: what follows a body that is done is another request.
    std::size_t take(std::string_view text);

    // kTooLarge as soon as a chunk is announced that leads beyond the limit.
    Status status() const { return status_; }
    // What is left of the chunk on hand; 0 between two.
    std::uint64_t chunk_left() const { return expected_ == Expected::kData ? chunk_left_ : 0; }
    std::string& body() { return body_; }

 private:
    enum class Expected {
        kSize,
        kBlank,  // After a size: an extension has to follow.
        kExtension,
        kSizeLf,
        kData,
        kDataCr,
        kDataLf,
        kTrailer,  // Or the end.
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
    std::size_t framing_bytes_ = 0;  // Of extensions and trailers.
    std::string body_;
};

}  // namespace millrace::api

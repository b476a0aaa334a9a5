#include "producer/server/compression.h"

#include <zlib.h>

#include <algorithm>
#include <optional>

#include "common/base/check.h"
#include "common/base/text.h"
#include "producer/server/header_values.h"

namespace millrace::server {
namespace {

constexpr int kWindowBits = 15;
constexpr int kGzip = 16;  // Added to the window bits: use gzip's header and trailer.
constexpr std::size_t kInflateStep = 64 * 1024;
constexpr std::size_t kDeflateStep = 256 * 1024;
constexpr std::size_t kRoom =
    64 * 1024;  // The output of one call of deflate(); a step may need several.

bool is_gzip(std::string_view coding) {
    return coding == "gzip" || coding == "x-gzip";
}

Bytef* bytes(char* text) {
    return reinterpret_cast<Bytef*>(text);
}

// zlib promises not to write to its input.
Bytef* bytes(const char* text) {
    return bytes(const_cast<char*>(text));
}

// A zlib stream for inflating, freed at the end.
class InflateStream {
 public:
    InflateStream(int window_bits, std::string_view input) {
        CHECK(inflateInit2(&stream_, window_bits) == Z_OK);
        stream_.next_in = bytes(input.data());
        stream_.avail_in = static_cast<uInt>(input.size());
    }
    ~InflateStream() { inflateEnd(&stream_); }
    InflateStream(const InflateStream&) = delete;
    InflateStream& operator=(const InflateStream&) = delete;

    z_stream& operator*() { return stream_; }

 private:
    z_stream stream_{};
};

}  // namespace

AcceptedCoding accepted_coding(std::string_view accept_encoding) {
    std::optional<bool> gzip;
    std::optional<bool> identity;
    std::optional<bool> rest;
    for (const auto& [name, quality] : qualities(accept_encoding)) {
        const bool wanted = quality > 0;
        if (is_gzip(name)) gzip = wanted || gzip.value_or(false);
        if (name == "identity") identity = wanted;
        if (name == "*") rest = wanted;
    }
    AcceptedCoding accepted;
    accepted.gzip = gzip.value_or(rest.value_or(false));
    accepted.plain = identity.value_or(rest.value_or(true));
    return accepted;
}

BodyCoding body_coding(std::string_view content_encoding) {
    const auto coding = lower(trim(content_encoding));
    if (coding.empty() || coding == "identity") return BodyCoding::kNone;
    return is_gzip(coding) || coding == "deflate" ? BodyCoding::kKnown : BodyCoding::kUnknown;
}

std::optional<InflateFault> inflate(std::string_view content_encoding, std::string_view compressed,
                                    std::size_t bytes_max,
                                    const std::function<bool(std::size_t)>& reserve,
                                    std::string& body) {
    const int gzip = is_gzip(lower(trim(content_encoding))) ? kGzip : 0;
    InflateStream stream(kWindowBits + gzip, compressed);
    auto& z = *stream;
    body.clear();
    std::size_t reserved = 0;
    while (true) {
        // One byte more than allowed shows that the body is too large.
        const auto room = std::min(kInflateStep, bytes_max + 1 - body.size());
        const auto before = body.size();
        if (before + room > reserved) {
            if (!reserve(before + room - reserved)) return InflateFault::kNoRoom;
            reserved = before + room;
        }
        body.resize(before + room);
        z.next_out = bytes(body.data() + before);
        z.avail_out = static_cast<uInt>(room);
        const int result = ::inflate(&z, Z_NO_FLUSH);
        body.resize(before + room - z.avail_out);
        if (body.size() > bytes_max) return InflateFault::kTooLarge;
        if (result == Z_STREAM_END) {
            if (z.avail_in == 0) return std::nullopt;
            // gzip files may be concatenated; each member starts again.
            if (gzip == 0 || inflateReset(&z) != Z_OK) return InflateFault::kMalformed;
            continue;
        }
        const bool ends_early = z.avail_in == 0 && z.avail_out > 0;
        if (result != Z_OK || ends_early) return InflateFault::kMalformed;
    }
}

struct Deflater::Stream {
    z_stream z{};
};

Deflater::Deflater(std::string body) : stream_(std::make_unique<Stream>()), body_(std::move(body)) {
    constexpr int kMemoryLevel = 8;
    CHECK(deflateInit2(&stream_->z, Z_BEST_SPEED, Z_DEFLATED, kWindowBits + kGzip, kMemoryLevel,
                       Z_DEFAULT_STRATEGY) == Z_OK);
}

Deflater::~Deflater() {
    deflateEnd(&stream_->z);
}

bool Deflater::step() {
    auto& z = stream_->z;
    const auto size = std::min(kDeflateStep, body_.size() - taken_);
    z.next_in = bytes(body_.data() + taken_);
    z.avail_in = static_cast<uInt>(size);
    taken_ += size;
    const bool is_last = taken_ == body_.size();
    do {
        const auto before = result_.size();
        result_.resize(before + kRoom);
        z.next_out = bytes(result_.data() + before);
        z.avail_out = static_cast<uInt>(kRoom);
        CHECK(deflate(&z, is_last ? Z_FINISH : Z_NO_FLUSH) != Z_STREAM_ERROR);
        result_.erase(result_.size() - z.avail_out);
    } while (z.avail_out == 0);
    return is_last;
}

}  // namespace millrace::server

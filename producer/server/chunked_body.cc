#include "producer/server/chunked_body.h"

#include <algorithm>

namespace millrace::server {
namespace {

constexpr int kSizeDigitsMax = 16;  // Fills 64 bits.

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

bool is_text(char c) {
    return is_blank(c) || (static_cast<unsigned char>(c) > 0x20 && c != 0x7F);
}

// Whether the character may be part of a field name.
bool is_token(char c) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_letter || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

std::size_t ChunkedBody::take(std::string_view text) {
    std::size_t taken = 0;
    while (taken < text.size() && status_ == Status::kMore) {
        if (expected_ == Expected::kData) {
            taken += take_data(text.substr(taken));
        } else {
            take_byte(text[taken++]);
        }
    }
    return taken;
}

std::size_t ChunkedBody::take_data(std::string_view text) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_left_, text.size()));
    body_ += text.substr(0, size);
    chunk_left_ -= size;
    if (chunk_left_ == 0) expected_ = Expected::kDataCr;
    return size;
}

void ChunkedBody::take_byte(char c) {
    switch (expected_) {
        case Expected::kSize:
            return take_size(c);
        case Expected::kBlank:
            take_framing(is_blank(c) || c == ';');
            if (c == ';') expected_ = Expected::kExtensionBegin;
            return;
        case Expected::kExtensionBegin:
            if (is_token(c)) expected_ = Expected::kExtension;
            return take_framing(is_blank(c) || is_token(c));
        case Expected::kExtension:
            if (c == '\r') return expect(true, Expected::kSizeLf);
            return take_framing(is_text(c));
        case Expected::kSizeLf:
            expect(c == '\n', Expected::kData);
            return begin_chunk();
        case Expected::kDataCr:
            return expect(c == '\r', Expected::kDataLf);
        case Expected::kDataLf:
            return expect(c == '\n', Expected::kSize);
        case Expected::kTrailer:
            if (c == '\r') return expect(true, Expected::kEndLf);
            expected_ = Expected::kTrailerName;
            return take_framing(is_token(c));
        case Expected::kTrailerName:
            if (c == ':') expected_ = Expected::kTrailerValue;
            return take_framing(c == ':' || is_token(c));
        case Expected::kTrailerValue:
            if (c == '\r') return expect(true, Expected::kTrailerLf);
            return take_framing(is_text(c));
        case Expected::kTrailerLf:
            return expect(c == '\n', Expected::kTrailer);
        case Expected::kEndLf:
            status_ = c == '\n' ? Status::kDone : Status::kMalformed;
            return;
        case Expected::kData:
            return;
    }
}

void ChunkedBody::take_size(char c) {
    const int digit = hex_value(c);
    if (digit >= 0) {
        chunk_left_ = chunk_left_ << 4 | static_cast<unsigned>(digit);
        return expect(++size_digits_ <= kSizeDigitsMax, Expected::kSize);
    }
    if (size_digits_ == 0) return expect(false, Expected::kSize);
    if (c == '\r') return expect(true, Expected::kSizeLf);
    expected_ = c == ';' ? Expected::kExtensionBegin : Expected::kBlank;
    take_framing(c == ';' || is_blank(c));
}

void ChunkedBody::begin_chunk() {
    if (status_ != Status::kMore) return;
    size_digits_ = 0;
    if (chunk_left_ == 0) {
        expected_ = Expected::kTrailer;
    } else if (chunk_left_ > body_bytes_max_ - body_.size()) {
        status_ = Status::kTooLarge;
    }
}

void ChunkedBody::expect(bool is_right, Expected next) {
    expected_ = next;
    if (!is_right) status_ = Status::kMalformed;
}

void ChunkedBody::take_framing(bool is_right) {
    if (!is_right || ++framing_bytes_ > framing_bytes_max_) status_ = Status::kMalformed;
}

}  // namespace millrace::server

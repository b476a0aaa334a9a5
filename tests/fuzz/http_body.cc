// The body of a request: in chunks, then perhaps compressed.
#include <string>

#include "producer/server/chunked_body.h"
#include "producer/server/compression.h"
#include "tests/fuzz/fuzz.h"

namespace millrace::fuzz {
namespace {

constexpr std::size_t kBodyBytesMax = 1 << 20;

void read_chunks(std::string_view input, unsigned seed) {
    server::ChunkedBody whole(4096, 512);
    const auto taken = whole.take(input);
    server::ChunkedBody cut(4096, 512);
    std::size_t taken_in_pieces = 0;
    in_pieces(input, seed, [&](std::string_view piece) { taken_in_pieces += cut.take(piece); });
    expect(taken == taken_in_pieces && whole.status() == cut.status());
    expect(whole.body() == cut.body() && whole.body().size() <= 4096);
    if (whole.status() == server::ChunkedBody::Status::kMore) expect(taken == input.size());
}

void read_compressed(std::string_view input, std::string_view coding) {
    std::size_t reserved = 0;
    std::string body;
    const auto fault = server::inflate(
        coding, input, kBodyBytesMax,
        [&](std::size_t bytes) { return (reserved += bytes) <= 2 * kBodyBytesMax; }, body);
    if (!fault) expect(body.size() <= kBodyBytesMax && body.size() <= reserved);
}

}  // namespace

void read(std::string_view input) {
    const auto choice = take_byte(input);
    if (choice % 4 == 1) return read_compressed(input, "gzip");
    if (choice % 4 == 2) return read_compressed(input, "deflate");
    read_chunks(input, choice);
}

}  // namespace millrace::fuzz
